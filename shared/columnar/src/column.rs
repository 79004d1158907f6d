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
use crate::tape::range;

/// Size of a page before compression, in bytes: Security Lake asks for 1 MB at most. A row that is larger has a page to itself.
const PAGE_BYTES_MAX: usize = 768 * 1024;

/// Rows of a page, at most: so many must a reader read that wants one of them.
const PAGE_ROWS_MAX: usize = 20_000;

/// Bytes that the levels of one place take, at most.
const LEVELS_BYTES: usize = 2;

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
    pub(crate) leaf: &'c Leaf,
    pub(crate) descriptor: &'c ColumnDescPtr,
    /// By row. A row without any has nothing, of level 0.
    pub(crate) places: &'c [Place],
    pub(crate) rows: usize,
    /// All texts.
    pub(crate) text: &'c [u8],
}

/// A part of a column's rows.
#[derive(Clone, Copy)]
struct Extent<'c> {
    first_row: usize,
    rows: usize,
    places: &'c [Place],
}

impl<'c> Column<'c> {
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
            let (extent, rest) = self.cut(row, places, dictionary.is_some());
            raw.clear();
            let levels = self.write_levels(extent, &mut raw);
            let encoding = if dictionary.is_some() {
                let (these, rest) = numbers.split_at(self.values(extent.places).count());
                numbers = rest;
                raw.push(width);
                runs::write(these, width, &mut raw);
                Encoding::RLE_DICTIONARY
            } else {
                self.write_values(extent.places, &mut raw);
                Encoding::PLAIN
            };
            chunk.page(&raw, encoding, levels, extent.rows)?;
            if let Some(index) = &mut index {
                self.add_times(extent, levels, index);
            }
            row += extent.rows;
            places = rest;
        }
        self.finish(chunk, index)
    }

    /// The values of these places.
    fn values(&self, places: &'c [Place]) -> impl Iterator<Item = u64> + Clone + use<'c> {
        let def_max = self.leaf.def_max;
        let present = places.iter().filter(move |place| place.def == def_max);
        present.map(|place| place.value)
    }

    fn is_text(&self) -> bool {
        matches!(self.leaf.of, Type::String | Type::Json)
    }

    fn dictionary(&self) -> Option<(Dictionary<'c>, Vec<u16>)> {
        let is_never =
            matches!(self.leaf.of, Type::Json | Type::Bool) || DISTINCT.contains(&&*self.leaf.path);
        let mut values = self.values(self.places).peekable();
        if is_never || values.peek().is_none() {
            return None;
        }
        Dictionary::of(values, self.is_text().then_some(self.text), PAGE_BYTES_MAX)
    }

    /// The rows of the next page, and the places behind it.
    fn cut(
        &self,
        first_row: usize,
        places: &'c [Place],
        has_dictionary: bool,
    ) -> (Extent<'c>, &'c [Place]) {
        let mut end = self.rows.min(first_row + PAGE_ROWS_MAX);
        let (mut taken, mut bytes) = (0, 0);
        for of_row in places.chunk_by(|one, other| one.row == other.row) {
            let row = of_row.first().map_or(end, |place| place.row as usize);
            if row >= end {
                break;
            }
            bytes += of_row.len() * LEVELS_BYTES;
            bytes += if has_dictionary {
                of_row.len() * size_of::<u16>()
            } else {
                self.values(of_row).map(|value| self.size(value)).sum()
            };
            if bytes > PAGE_BYTES_MAX && row > first_row {
                end = row;
                break;
            }
            taken += of_row.len();
        }
        let (places, rest) = places.split_at(taken);
        let extent = Extent {
            first_row,
            rows: end - first_row,
            places,
        };
        (extent, rest)
    }

    /// Bytes of a value, about.
    fn size(&self, value: u64) -> usize {
        match self.leaf.of {
            Type::String | Type::Json => size_of::<u32>() + range(value).len(),
            _ => size_of::<u64>(),
        }
    }

    /// Appends the levels of a page, and answers how many they are.
    fn write_levels(&self, extent: Extent<'_>, raw: &mut Vec<u8>) -> usize {
        let mut levels = 0;
        if self.descriptor.max_rep_level() > 0 {
            levels = write_level(extent, self.descriptor.max_rep_level(), |of| of.rep, raw);
        }
        levels.max(write_level(
            extent,
            self.descriptor.max_def_level(),
            |of| of.def,
            raw,
        ))
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
                let text = self.text.get(range(value)).unwrap_or_default();
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

    /// The least and the greatest value.
    fn statistics(&self, levels: usize) -> Option<Statistics> {
        let values = self.values(self.places);
        let numbers = values.clone().map(|value| value as i64);
        let nulls = Some((levels - values.clone().count()) as u64);
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
                let texts = values.map(|value| self.text.get(range(value)).unwrap_or_default());
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
        if let Some(statistics) = self.statistics(sizes.levels) {
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

/// Appends one of the two levels of each place, with its length before it; answers how many they are.
fn write_level(
    extent: Extent<'_>,
    max: i16,
    level: impl Fn(&Place) -> u8,
    raw: &mut Vec<u8>,
) -> usize {
    let mut levels = Vec::with_capacity(extent.rows.max(extent.places.len()));
    // Of the row behind the last place.
    let mut next = extent.first_row;
    for place in extent.places {
        let row = place.row as usize;
        levels.resize(levels.len() + row.saturating_sub(next), 0);
        levels.push(level(place));
        next = row + 1;
    }
    levels.resize(levels.len() + (extent.first_row + extent.rows) - next, 0);
    let length_at = raw.len();
    raw.extend_from_slice(&[0; size_of::<u32>()]);
    runs::write(&levels, runs::width(max as u16), raw);
    let length = (raw.len() - length_at - size_of::<u32>()) as u32;
    if let Some(place) = raw.get_mut(length_at..length_at + size_of::<u32>()) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    levels.len()
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
