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

use crate::column::{Column, Entry, Values};
use crate::columns::{Class, Leaf, Member, Node, Shape, Type};
use crate::rows::Rows;

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

/// No first entry: the row has nothing of this column.
const NONE: u32 = u32::MAX;

/// The rows cannot be written as Parquet: a fault of the columns, or of the library.
#[derive(Debug, thiserror::Error)]
#[error("no Parquet file can be made of the events: {0}")]
pub struct EncodeError(#[from] ParquetError);

/// One file, one row group, sorted.
pub(crate) fn encode(rows: Rows) -> Result<Vec<u8>, EncodeError> {
    let schema = schema(rows.class)?;
    let properties = Arc::new(properties(rows.class, &schema)?);
    let order = order(&rows);
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let mut group = file.next_row_group()?;
    let mut columns = rows.columns.into_iter();
    while let Some(mut writer) = group.next_column()? {
        if let Some(column) = columns.next() {
            write_column(column, &order, &mut writer)?;
        }
        writer.close()?;
    }
    group.close()?;
    Ok(file.into_inner()?)
}

/// The rows by time, then by `metadata.uid`, then as they came.
fn order(rows: &Rows) -> Vec<u32> {
    let mut uids: Vec<&[u8]> = vec![b""; rows.len()];
    let uid = rows.class.leaf(&["metadata", "uid"]);
    if let Some(column) = uid.and_then(|at| rows.columns.get(at))
        && let Values::Text { ends, bytes } = &column.values
    {
        let present = column
            .entries
            .iter()
            .filter(|entry| entry.def == column.def_max);
        let mut from = 0;
        for (entry, end) in present.zip(ends) {
            let to = *end as usize;
            if let Some(uid) = uids.get_mut(entry.row as usize) {
                *uid = bytes.get(from..to).unwrap_or_default();
            }
            from = to;
        }
    }
    let mut keyed: Vec<_> = rows.times_ms.iter().zip(uids).zip(0_u32..).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, row)| row).collect()
}

fn write_column(
    column: Column,
    order: &[u32],
    writer: &mut SerializedColumnWriter<'_>,
) -> Result<(), ParquetError> {
    let Column {
        def_max,
        entries,
        values,
    } = column;
    let places = Places::new(&entries, def_max, order);
    match values {
        Values::Int(values) => {
            let at = |at: usize| values.get(at).copied().unwrap_or_default();
            places.write(writer.typed::<Int32Type>(), at, |_| size_of::<i32>())
        }
        Values::Long(values) => {
            let at = |at: usize| values.get(at).copied().unwrap_or_default();
            places.write(writer.typed::<Int64Type>(), at, |_| size_of::<i64>())
        }
        Values::Bool(values) => {
            let at = |at: usize| values.get(at).copied().unwrap_or_default();
            places.write(writer.typed::<BoolType>(), at, |_| 1)
        }
        Values::Text { ends, bytes } => {
            let bytes = Bytes::from(bytes);
            let at = |at: usize| {
                let end = |at: usize| ends.get(at).map_or(0, |end| *end as usize);
                ByteArray::from(bytes.slice(at.checked_sub(1).map_or(0, end)..end(at)))
            };
            places.write(writer.typed::<ByteArrayType>(), at, ByteArray::len)
        }
    }
}

/// A column's entries as its rows will stand in the file.
struct Places<'c> {
    entries: &'c [Entry],
    def_max: u8,
    order: &'c [u32],
    /// Of each row, its first entry, and the value that the entry has or would have.
    firsts: Vec<(u32, u32)>,
}

impl<'c> Places<'c> {
    fn new(entries: &'c [Entry], def_max: u8, order: &'c [u32]) -> Self {
        let mut firsts = Vec::new();
        if !entries.is_empty() {
            firsts = vec![(NONE, 0); order.len()];
            let mut value = 0;
            for (at, entry) in (0_u32..).zip(entries) {
                if let Some(first) = firsts
                    .get_mut(entry.row as usize)
                    .filter(|first| first.0 == NONE)
                {
                    *first = (at, value);
                }
                value += u32::from(entry.def == def_max);
            }
        }
        Self {
            entries,
            def_max,
            order,
            firsts,
        }
    }

    /// The entries of a row, and the place of the first value in them.
    fn of(&self, row: u32) -> (&'c [Entry], usize) {
        match self.firsts.get(row as usize) {
            Some((first, value)) if *first != NONE => {
                let from = self.entries.get(*first as usize..).unwrap_or_default();
                let count = from.iter().take_while(|entry| entry.row == row).count();
                (from.get(..count).unwrap_or_default(), *value as usize)
            }
            _ => (&[], 0),
        }
    }

    fn write<T: DataType>(
        &self,
        writer: &mut ColumnWriterImpl<'_, T>,
        value: impl Fn(usize) -> T::T,
        size: impl Fn(&T::T) -> usize,
    ) -> Result<(), ParquetError> {
        // Where a row has one place, it says nothing that there is no repetition.
        let is_list = writer.get_descriptor().max_rep_level() > 0;
        if self.firsts.is_empty() {
            return self.write_nothing(writer, is_list);
        }
        let mut values = Vec::new();
        let mut defs = Vec::with_capacity(HANDED_ENTRIES_MAX);
        let mut reps = Vec::with_capacity(if is_list { HANDED_ENTRIES_MAX } else { 0 });
        let mut bytes = 0;
        for row in self.order {
            let (entries, mut at) = self.of(*row);
            if entries.is_empty() {
                defs.push(0);
            }
            if is_list && entries.is_empty() {
                reps.push(0);
            }
            for entry in entries {
                defs.push(i16::from(entry.def));
                if is_list {
                    reps.push(i16::from(entry.rep));
                }
                if entry.def == self.def_max {
                    let value = value(at);
                    bytes += size(&value);
                    values.push(value);
                    at += 1;
                }
            }
            if bytes >= HANDED_BYTES_MAX || defs.len() >= HANDED_ENTRIES_MAX {
                writer.write_batch(&values, Some(&defs), is_list.then_some(&reps))?;
                values.clear();
                defs.clear();
                reps.clear();
                bytes = 0;
            }
        }
        writer.write_batch(&values, Some(&defs), is_list.then_some(&reps))?;
        Ok(())
    }

    /// As [`Places::write`], for a column that no row has anything of: most are.
    fn write_nothing<T: DataType>(
        &self,
        writer: &mut ColumnWriterImpl<'_, T>,
        is_list: bool,
    ) -> Result<(), ParquetError> {
        let zeros = vec![0; self.order.len().min(HANDED_ENTRIES_MAX)];
        for rows in self.order.chunks(HANDED_ENTRIES_MAX) {
            let levels = zeros.get(..rows.len()).unwrap_or_default();
            writer.write_batch(&[], Some(levels), is_list.then_some(levels))?;
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
