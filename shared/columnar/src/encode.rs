//! Rows to the bytes of a Parquet file.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{
    Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{SchemaDescriptor, Type as ParquetType, TypePtr};

use crate::columns::{Class, Leaf, Member, Node, Shape, Type};
use crate::rows::Rows;
use crate::tape::range;

/// Size of a page before compression, in bytes: Security Lake asks for 1 MB at most. A page ends with the values handed over
/// last, so this plus [`HANDED_BYTES_MAX`] must stay below that.
const PAGE_BYTES_MAX: usize = 768 * 1024;

/// Values handed to the writer at once, in bytes; one that is larger has a page to itself.
const HANDED_BYTES_MAX: usize = 64 * 1024;

/// Places of a column handed to the writer at once.
const HANDED_ENTRIES_MAX: usize = 8 * 1024;

/// zstd's level: 3 (its default) takes twice the time of 1 for a twentieth less on audit events.
const ZSTD_LEVEL: i32 = 1;

/// Texts of which a file may have but one, so that a reader can pass over the file.
const KEPT_STATISTICS: [&[&str]; 3] = [
    &["cloud", "account", "uid"],
    &["metadata", "event_code"],
    &["metadata", "log_name"],
];

/// Columns in which hardly a value comes twice: a dictionary of them is as large as they are.
const DISTINCT: [&[&str]; 3] = [&["metadata", "uid"], &["time"], &["time_dt"]];

/// The rows cannot be written as Parquet: a fault of the columns, or of the library.
#[derive(Debug, thiserror::Error)]
#[error("no Parquet file can be made of the events: {0}")]
pub struct EncodeError(#[from] ParquetError);

/// One file, one row group, sorted.
pub(crate) fn encode(rows: Rows) -> Result<Vec<u8>, EncodeError> {
    let class = rows.class;
    let schema = schema(class)?;
    let properties = Arc::new(properties(class, &schema)?);
    let order = order(&rows);
    let columns = columns(&rows, &order);
    let text = Bytes::from(rows.tape.into_text());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let mut group = file.next_row_group()?;
    let mut leaves = class.leaves.iter().zip(columns.iter());
    while let Some(mut writer) = group.next_column()? {
        if let Some((leaf, places)) = leaves.next() {
            let column = Column {
                places,
                def_max: leaf.def_max,
                rows: order.len(),
            };
            column.write(leaf.of, &text, &mut writer)?;
        }
        writer.close()?;
    }
    group.close()?;
    Ok(file.into_inner()?)
}

/// The rows by time, then by `metadata.uid`, then as they came.
fn order(rows: &Rows) -> Vec<u32> {
    let uid_leaf = rows.class.leaf(&["metadata", "uid"]);
    let uid = |row: usize| -> &[u8] {
        let mut entries = rows.tape.row(row).iter();
        let entry = entries.find(|entry| Some(usize::from(entry.leaf)) == uid_leaf);
        entry.map_or(b"", |entry| rows.tape.text(entry.value))
    };
    let mut keyed: Vec<_> = rows
        .times_ms
        .iter()
        .zip(0_u32..)
        .map(|(time_ms, row)| (*time_ms, uid(row as usize), row))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, _, row)| row).collect()
}

/// An entry of a column, and the row of the file that it belongs to.
#[derive(Clone, Copy, Default)]
struct Place {
    value: u64,
    row: u32,
    rep: u8,
    def: u8,
}

/// The places of all columns, one column behind the other.
struct Columns {
    places: Vec<Place>,
    ends: Vec<usize>,
}

impl Columns {
    fn iter(&self) -> impl Iterator<Item = &[Place]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        let ranges = begins.zip(&self.ends);
        ranges.map(|(from, to)| self.places.get(*from..*to).unwrap_or_default())
    }
}

/// Deals the rows' entries out to their columns, in the order in which they will be written.
fn columns(rows: &Rows, order: &[u32]) -> Columns {
    // First how many each column has, then where its next one goes.
    let mut next = vec![0_usize; rows.class.leaves.len()];
    for entry in rows.tape.entries() {
        if let Some(count) = next.get_mut(usize::from(entry.leaf)) {
            *count += 1;
        }
    }
    let mut begin = 0;
    for count in &mut next {
        begin += std::mem::replace(count, begin);
    }
    let mut places = vec![Place::default(); begin];
    for (row, from) in (0_u32..).zip(order) {
        for entry in rows.tape.row(*from as usize) {
            if let Some(at) = next.get_mut(usize::from(entry.leaf))
                && let Some(place) = places.get_mut(*at)
            {
                *place = Place {
                    value: entry.value,
                    row,
                    rep: entry.rep,
                    def: entry.def,
                };
                *at += 1;
            }
        }
    }
    Columns { places, ends: next }
}

/// A column to be written.
struct Column<'c> {
    places: &'c [Place],
    def_max: u8,
    rows: usize,
}

impl Column<'_> {
    fn write(
        &self,
        of: Type,
        text: &Bytes,
        writer: &mut SerializedColumnWriter<'_>,
    ) -> Result<(), ParquetError> {
        match of {
            Type::Int => self.write_as(
                writer.typed::<Int32Type>(),
                |value| value as i32,
                |_| size_of::<i32>(),
            ),
            Type::Long | Type::Time => self.write_as(
                writer.typed::<Int64Type>(),
                |value| value as i64,
                |_| size_of::<i64>(),
            ),
            Type::Bool => self.write_as(writer.typed::<BoolType>(), |value| value != 0, |_| 1),
            Type::String | Type::Json => self.write_as(
                writer.typed::<ByteArrayType>(),
                |value| ByteArray::from(text.slice(range(value))),
                ByteArray::len,
            ),
        }
    }

    fn write_as<T: DataType>(
        &self,
        writer: &mut ColumnWriterImpl<'_, T>,
        value: impl Fn(u64) -> T::T,
        size: impl Fn(&T::T) -> usize,
    ) -> Result<(), ParquetError> {
        // Where a row has one place at most, nobody asks for repetition.
        let is_list = writer.get_descriptor().max_rep_level() > 0;
        let mut values = Vec::new();
        let mut defs: Vec<i16> = Vec::with_capacity(HANDED_ENTRIES_MAX);
        let mut reps: Vec<i16> = Vec::with_capacity(if is_list { HANDED_ENTRIES_MAX } else { 0 });
        let (mut row, mut bytes) = (0, 0);
        let mut places = self.places.iter().peekable();
        while row < self.rows {
            // Rows without any place have level 0, and so has the first place of a row.
            let until = places.peek().map_or(self.rows, |place| place.row as usize);
            let gap = (until - row).min(HANDED_ENTRIES_MAX - defs.len());
            defs.resize(defs.len() + gap, 0);
            reps.resize(if is_list { reps.len() + gap } else { 0 }, 0);
            row += gap;
            if row == until && row < self.rows {
                while let Some(place) = places.next_if(|place| place.row as usize == row) {
                    defs.push(i16::from(place.def));
                    if is_list {
                        reps.push(i16::from(place.rep));
                    }
                    if place.def == self.def_max {
                        let value = value(place.value);
                        bytes += size(&value);
                        values.push(value);
                    }
                }
                row += 1;
            }
            if bytes >= HANDED_BYTES_MAX || defs.len() >= HANDED_ENTRIES_MAX || row == self.rows {
                writer.write_batch(&values, Some(&defs), is_list.then_some(&reps))?;
                values.clear();
                defs.clear();
                reps.clear();
                bytes = 0;
            }
        }
        Ok(())
    }
}

fn properties(class: &Class, schema: &TypePtr) -> Result<WriterProperties, ParquetError> {
    let descriptor = SchemaDescriptor::new(schema.clone());
    let mut builder = WriterProperties::builder()
        .set_created_by("ualstream".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_data_page_size_limit(PAGE_BYTES_MAX)
        .set_dictionary_page_size_limit(PAGE_BYTES_MAX)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // How many rows are in a file is decided before.
        .set_max_row_group_row_count(None);
    for (leaf, column) in class.leaves.iter().zip(descriptor.columns()) {
        let path = column.path().clone();
        if DISTINCT.contains(&leaf.path.as_slice()) {
            builder = builder.set_column_dictionary_enabled(path.clone(), false);
        }
        if leaf.path == ["time"] {
            // Rows are sorted by it, so each page is a short span of time that a reader may skip.
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::Page);
        } else if is_bulky(leaf) {
            // No two values are alike, and nobody looks for the smallest.
            builder = builder
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_statistics_enabled(path, EnabledStatistics::None);
        } else if leaf.of == Type::String && !KEPT_STATISTICS.contains(&leaf.path.as_slice()) {
            // In rows sorted by time, texts reach from a to z in every file: bounds rule nothing out, and cost a tenth.
            builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    let time = class.leaf(&["time"]).and_then(|at| i32::try_from(at).ok());
    let sorting = time.map(|column_idx| SortingColumn {
        column_idx,
        descending: false,
        nulls_first: false,
    });
    Ok(builder
        .set_sorting_columns(sorting.map(|by| vec![by]))
        .build())
}

fn is_bulky(leaf: &Leaf) -> bool {
    leaf.of == Type::Json || leaf.path == ["raw_data"]
}

fn schema(class: &Class) -> Result<TypePtr, ParquetError> {
    let fields = fields(&class.members)?;
    let root = ParquetType::group_type_builder(class.name).with_fields(fields);
    Ok(Arc::new(root.build()?))
}

fn fields(members: &[Member]) -> Result<Vec<TypePtr>, ParquetError> {
    members
        .iter()
        .map(|member| field(member.name, &member.node))
        .collect()
}

/// Everything is optional, and a list is a group of a repeated group named `list` of an `element`, as the format's
/// specification has it.
fn field(name: &str, node: &Node) -> Result<TypePtr, ParquetError> {
    let built = match &node.shape {
        Shape::Leaf(of) => {
            let (physical, logical) = types(*of);
            ParquetType::primitive_type_builder(name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical)
                .build()
        }
        Shape::Object(members) => ParquetType::group_type_builder(name)
            .with_repetition(Repetition::OPTIONAL)
            .with_fields(fields(members)?)
            .build(),
        Shape::List(element) => {
            let repeated = ParquetType::group_type_builder("list")
                .with_repetition(Repetition::REPEATED)
                .with_fields(vec![field("element", element)?])
                .build()?;
            ParquetType::group_type_builder(name)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(Some(LogicalType::List))
                .with_converted_type(ConvertedType::LIST)
                .with_fields(vec![Arc::new(repeated)])
                .build()
        }
    };
    Ok(Arc::new(built?))
}

fn types(of: Type) -> (Physical, Option<LogicalType>) {
    match of {
        Type::Int => (Physical::INT32, None),
        Type::Long => (Physical::INT64, None),
        Type::Time => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MILLIS)),
        ),
        Type::Bool => (Physical::BOOLEAN, None),
        // JSON as plain text: not every engine knows Parquet's JSON type.
        Type::String | Type::Json => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    }
}
