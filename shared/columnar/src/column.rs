//! A column of a file: levels and values as pages, and what the file's end says about them.
//!
//! The `parquet` crate has a writer of columns. This one does a third of its work: where texts come again is known from where
//! they lie, so that most need not be hashed, and nothing is copied on its way to the page.

use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Encoding, EncodingMask, Type as Physical};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnIndexBuilder};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::ColumnDescPtr;

use crate::columns::{Leaf, Type};
use crate::dictionary::Dictionary;
use crate::pages::{self, Chunk, Packer};
use crate::runs;
use crate::tape::{Texts, length};

/// Size of a page before compression, in bytes: Security Lake asks for 1 MB at most. A row that is larger has a page to itself.
const PAGE_BYTES_MAX: usize = 768 * 1024;

/// Rows of a page, at most: so many must a reader read that wants one of them.
const PAGE_ROWS_MAX: usize = 20_000;

/// Bytes that the levels and the number of one place take, at most; or the levels and the length of a text.
const NUMBER_BYTES_MAX: usize = 10;

/// Places with numbers that fit into a page, however large they are.
const SMALL_VALUES_MAX: usize = PAGE_BYTES_MAX / NUMBER_BYTES_MAX;

/// Bounds of texts are shorter than this, or not given.
const BOUND_BYTES_MAX: usize = 64;

/// Texts of which a file may have but one, so that a reader can pass over the file. In rows sorted by time, other texts reach
/// from a to z in every file: bounds would rule nothing out.
const BOUNDED_TEXTS: [&[&str]; 3] = [
    &["cloud", "account", "uid"],
    &["metadata", "event_code"],
    &["metadata", "log_name"],
];

/// Columns in which hardly a value comes twice: a dictionary of them is as large as they are.
const DISTINCT: [&[&str]; 4] = [&["metadata", "uid"], &["time"], &["time_dt"], &["raw_data"]];

/// An entry of a column, and the row of the file that it belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) value: u64,
    pub(crate) row: u32,
    pub(crate) rep: u8,
    pub(crate) def: u8,
}

/// A column to be written.
pub(crate) struct Column<'c> {
    leaf: &'c Leaf,
    descriptor: &'c ColumnDescPtr,
    /// By row. A row without any has nothing, of level 0.
    places: &'c [Place],
    rows: usize,
    /// All texts.
    texts: &'c Texts,
    /// How many of the places have a value.
    present: usize,
}

/// A part of a column's rows.
#[derive(Clone, Copy)]
struct Extent<'c> {
    first_row: usize,
    rows: usize,
    places: &'c [Place],
}

impl<'c> Column<'c> {
    pub(crate) fn new(
        leaf: &'c Leaf,
        descriptor: &'c ColumnDescPtr,
        places: &'c [Place],
        rows: usize,
        texts: &'c Texts,
    ) -> Self {
        Self {
            leaf,
            descriptor,
            places,
            rows,
            texts,
            present: present(places, leaf.def_max).count(),
        }
    }

    /// The column's bytes, and what the file's end says about them.
    pub(crate) fn write(
        &self,
        packer: &mut Packer,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let mut chunk = Chunk::new(packer);
        let dictionary = self.dictionary();
        let mut numbers = [].as_slice();
        let mut width = 0;
        if let Some((dictionary, all)) = &dictionary {
            let mut bytes = Vec::new();
            for value in &dictionary.entries {
                self.write_plain(*value, &mut bytes);
            }
            chunk.dictionary(&bytes, dictionary.entries.len())?;
            numbers = all.as_slice();
            width = runs::width(dictionary.entries.len().saturating_sub(1) as u16);
        }
        // Rows are sorted by time, so each of its pages is a short span of it that a reader may pass over.
        let mut index =
            (self.leaf.path == ["time"]).then(|| ColumnIndexBuilder::new(Physical::INT64));
        let (mut row, mut places) = (0, self.places);
        let mut raw = Vec::new();
        while row < self.rows {
            let (mut extent, mut rest) = self.cut(row, places, numbers.len());
            let values = self.count(extent.places);
            if !numbers.is_empty() && numbers.len() < values {
                // Within this row the dictionary was full: what follows stands for itself.
                numbers = &[];
                (extent, rest) = self.cut(row, places, 0);
            }
            raw.clear();
            let levels = self.write_levels(extent, &mut raw);
            let encoding = match numbers.split_at_checked(values) {
                Some((these, behind)) if !numbers.is_empty() => {
                    numbers = behind;
                    raw.push(width);
                    runs::write(these, width, &mut raw);
                    Encoding::RLE_DICTIONARY
                }
                _ => {
                    self.write_values(extent.places, &mut raw);
                    Encoding::PLAIN
                }
            };
            chunk.page(&raw, encoding, levels, extent.rows)?;
            if let Some(index) = &mut index {
                self.add_times(extent, levels, index);
            }
            row += extent.rows;
            places = rest;
        }
        // It has every value if it was not full.
        let whole = dictionary.filter(|(_, all)| all.len() == self.present);
        let entries = whole.map(|(dictionary, _)| dictionary.entries);
        self.finish(chunk, index, entries.as_deref())
    }

    /// The values of these places.
    fn values(&self, places: &'c [Place]) -> impl Iterator<Item = u64> + Clone + use<'c> {
        present(places, self.leaf.def_max).map(|place| place.value)
    }

    /// How many of these places have a value.
    fn count(&self, places: &'c [Place]) -> usize {
        if self.is_full() || places.len() == self.places.len() {
            places.len().min(self.present)
        } else {
            self.values(places).count()
        }
    }

    /// Whether every place has a value.
    fn is_full(&self) -> bool {
        self.present == self.places.len()
    }

    fn is_text(&self) -> bool {
        matches!(self.leaf.of, Type::String | Type::Json)
    }

    fn dictionary(&self) -> Option<(Dictionary<'c>, Vec<u16>)> {
        let is_never =
            matches!(self.leaf.of, Type::Json | Type::Bool) || DISTINCT.contains(&&*self.leaf.path);
        if is_never || self.present == 0 {
            return None;
        }
        Dictionary::of(
            self.values(self.places),
            self.is_text().then_some(self.texts),
            PAGE_BYTES_MAX,
        )
    }

    /// The rows of the next page, and the places behind it. `numbers`: values that are in the dictionary; 0 without one.
    fn cut(
        &self,
        first_row: usize,
        places: &'c [Place],
        numbers: usize,
    ) -> (Extent<'c>, &'c [Place]) {
        let has_dictionary = numbers > 0;
        let mut end = self.rows.min(first_row + PAGE_ROWS_MAX);
        let mut taken = places.partition_point(|place| (place.row as usize) < end);
        let within = places.get(..taken).unwrap_or_default();
        let is_small = taken < SMALL_VALUES_MAX
            && if has_dictionary {
                self.count(within) <= numbers
            } else {
                !self.is_text()
            };
        if !is_small {
            let (mut bytes, mut values) = (0, 0);
            // The row that is looked at, and where its places begin.
            let (mut row, mut begin) = (first_row, 0);
            for (at, place) in within.iter().enumerate() {
                if place.row as usize != row {
                    (row, begin) = (place.row as usize, at);
                }
                bytes += self.size(place, has_dictionary);
                values += usize::from(place.def == self.leaf.def_max);
                let is_over = bytes > PAGE_BYTES_MAX || has_dictionary && values > numbers;
                if is_over && row > first_row {
                    (end, taken) = (row, begin);
                    break;
                }
            }
        }
        let (places, rest) = places.split_at(taken);
        let extent = Extent {
            first_row,
            rows: end - first_row,
            places,
        };
        (extent, rest)
    }

    /// Bytes of a place, about.
    fn size(&self, place: &Place, has_dictionary: bool) -> usize {
        let is_long = self.is_text() && !has_dictionary && place.def == self.leaf.def_max;
        let text = if is_long { length(place.value) } else { 0 };
        NUMBER_BYTES_MAX + text
    }

    /// Appends the levels of a page, and answers how many they are.
    fn write_levels(&self, extent: Extent<'_>, raw: &mut Vec<u8>) -> usize {
        let is_list = self.is_list();
        let [rep_width, def_width] = [
            self.descriptor.max_rep_level(),
            self.descriptor.max_def_level(),
        ]
        .map(|max| runs::width(max as u16));
        let is_full = self.is_full() && extent.places.len() == extent.rows;
        if extent.places.is_empty() || !is_list && is_full {
            // One level from end to end, as most columns have it.
            let def = extent.places.first().map_or(0, |place| place.def);
            let mut run = |level: u8, width| {
                with_length(raw, |raw| runs::write_run(level, extent.rows, width, raw));
            };
            if is_list {
                run(0, rep_width);
            }
            run(def, def_width);
            return extent.rows;
        }
        if is_list {
            let reps = levels(extent, is_list, |place| place.rep);
            with_length(raw, |raw| runs::write(&reps, rep_width, raw));
        }
        let defs = levels(extent, is_list, |place| place.def);
        with_length(raw, |raw| runs::write(&defs, def_width, raw));
        defs.len()
    }

    /// Whether a row may have several places.
    fn is_list(&self) -> bool {
        self.descriptor.max_rep_level() > 0
    }

    fn write_values(&self, places: &'c [Place], raw: &mut Vec<u8>) {
        if self.leaf.of == Type::Bool {
            let bits: Vec<u8> = self.values(places).map(|value| value as u8).collect();
            runs::pack(&bits, 1, raw);
        } else {
            self.values(places)
                .for_each(|value| self.write_plain(value, raw));
        }
    }

    fn write_plain(&self, value: u64, out: &mut Vec<u8>) {
        match self.leaf.of {
            Type::Int => out.extend_from_slice(&(value as i32).to_le_bytes()),
            Type::Long | Type::Time => out.extend_from_slice(&value.to_le_bytes()),
            Type::Bool => out.push(value as u8),
            Type::String | Type::Json => {
                let text = self.texts.get(value);
                out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                out.extend_from_slice(text);
            }
        }
    }

    /// The first and the last time of a page.
    fn add_times(&self, extent: Extent<'c>, levels: usize, index: &mut ColumnIndexBuilder) {
        let times = self.values(extent.places).map(|value| value as i64);
        let nulls = levels - times.clone().count();
        let bytes = |time: Option<i64>| time.map_or(Vec::new(), |time| time.to_le_bytes().to_vec());
        let (first, last) = (times.clone().min(), times.max());
        index.append(
            first.is_none(),
            bytes(first),
            bytes(last),
            nulls as i64,
            None,
        );
    }

    /// The least and the greatest of `values`, among which each value of the column is.
    fn statistics(
        &self,
        values: impl Iterator<Item = u64> + Clone,
        nulls: usize,
    ) -> Option<Statistics> {
        let nulls = Some(nulls as u64);
        let numbers = values.clone().map(|value| value as i64);
        Some(match self.leaf.of {
            Type::Int => {
                let numbers = numbers.map(|number| number as i32);
                bounds(numbers.clone().min(), numbers.max(), nulls, true)
            }
            Type::Long | Type::Time => bounds(numbers.clone().min(), numbers.max(), nulls, true),
            Type::Bool => {
                let values = values.map(|value| value != 0);
                bounds(values.clone().min(), values.max(), nulls, false)
            }
            Type::String if BOUNDED_TEXTS.contains(&&*self.leaf.path) => {
                let texts = values.map(|value| self.texts.get(value));
                let bound = |text: Option<&[u8]>| {
                    let text = text.filter(|text| text.len() <= BOUND_BYTES_MAX);
                    text.map(|text| ByteArray::from(text.to_vec()))
                };
                bounds(bound(texts.clone().min()), bound(texts.max()), nulls, false)
            }
            Type::String | Type::Json => return None,
        })
    }

    fn finish(
        &self,
        chunk: Chunk<'_>,
        index: Option<ColumnIndexBuilder>,
        entries: Option<&[u64]>,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let sizes = chunk.sizes;
        let encodings = chunk.pages.iter().map(|pages| &pages.encoding);
        let encodings = EncodingMask::new_from_encodings(encodings.chain(&[Encoding::RLE]));
        let mut metadata = ColumnChunkMetaData::builder(self.descriptor.clone())
            .set_compression(pages::compression()?)
            .set_encodings_mask(encodings)
            .set_page_encoding_stats(chunk.pages)
            .set_total_compressed_size(sizes.compressed as i64)
            .set_total_uncompressed_size(sizes.uncompressed as i64)
            .set_num_values(sizes.levels as i64)
            .set_dictionary_page_offset(sizes.dictionary.map(|_| 0))
            .set_data_page_offset(sizes.dictionary.unwrap_or_default() as i64);
        let nulls = sizes.levels - self.present;
        let statistics = match entries {
            Some(entries) => self.statistics(entries.iter().copied(), nulls),
            None => self.statistics(self.values(self.places), nulls),
        };
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let index = index.map(|mut index| {
            index.set_boundary_order(BoundaryOrder::ASCENDING);
            index.build()
        });
        let closed = ColumnCloseResult {
            bytes_written: sizes.compressed as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: index.transpose()?,
            offset_index: Some(chunk.offsets.build()),
        };
        Ok((Bytes::from(chunk.out.into_inner()?), closed))
    }
}

/// One of the two levels of each place of a page, in order.
fn levels(extent: Extent<'_>, is_list: bool, level: impl Fn(&Place) -> u8) -> Vec<u8> {
    let mut levels = vec![0; extent.rows];
    if !is_list {
        // At most one place a row.
        for place in extent.places {
            if let Some(of_row) = levels.get_mut(place.row as usize - extent.first_row) {
                *of_row = level(place);
            }
        }
        return levels;
    }
    levels.clear();
    // Of the row behind the last place.
    let mut next = extent.first_row;
    for place in extent.places {
        let row = place.row as usize;
        levels.resize(levels.len() + row.saturating_sub(next), 0);
        levels.push(level(place));
        next = row + 1;
    }
    levels.resize(levels.len() + (extent.first_row + extent.rows) - next, 0);
    levels
}

/// The places that have a value.
fn present(places: &[Place], def_max: u8) -> impl Iterator<Item = &Place> + Clone {
    places.iter().filter(move |place| place.def == def_max)
}

/// Appends what `write` does, with its length before it.
fn with_length(raw: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let length_at = raw.len();
    raw.extend_from_slice(&[0; size_of::<u32>()]);
    write(raw);
    let length = (raw.len() - length_at - size_of::<u32>()) as u32;
    if let Some(place) = raw.get_mut(length_at..length_at + size_of::<u32>()) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

fn bounds<T>(least: Option<T>, most: Option<T>, nulls: Option<u64>, is_signed: bool) -> Statistics
where
    Statistics: From<ValueStatistics<T>>,
{
    // Readers before 2017 know no other order than the signed one.
    ValueStatistics::new(least, most, None, nulls, false)
        .with_backwards_compatible_min_max(is_signed)
        .into()
}
