//! Rows to the bytes of a Parquet file.

use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriterImpl;
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{SchemaDescriptor, TypePtr};

use crate::buffer::{ColumnBuffer, Levels, Values};
use crate::columns::{Class, Leaf, Type};
use crate::schema::schema;
use crate::shred::Rows;

/// zstd's level: 3 (its default) takes twice the time of 1 for a twentieth less on audit events.
const ZSTD_LEVEL: i32 = 1;

/// Size of a page before compression, in bytes. Security Lake asks for 1 MB at most, and the column writer looks at a page's size
/// between batches, each of which may be as large: so a page can have twice this. A row that is larger has a page to itself.
const PAGE_BYTES_MAX: usize = 480 * 1024;

/// Size of a dictionary, which is one page; the column writer keeps to it.
const DICTIONARY_BYTES_MAX: usize = 768 * 1024;

/// Rows of a page, at most: a reader that wants one row reads its whole page.
const PAGE_ROWS_MAX: usize = 20_000;

/// Rows handed to the column writer at once, its own default.
const BATCH_ROWS: usize = 1_024;

/// Bounds of texts are cut to this length.
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

/// The rows cannot be written as Parquet: a fault of the columns, or of the library.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The library refuses them.
    #[error("no Parquet file can be made of the events: {0}")]
    Parquet(#[from] ParquetError),
    /// A column's levels tell of other values than there are.
    #[error("{written} of the {values} values of column {column} were written")]
    Values {
        /// The attributes that lead to it.
        column: String,
        /// What there is.
        values: usize,
        /// What was written.
        written: usize,
    },
    /// The schema has no such column.
    #[error("column {0} is not in the file's schema")]
    NoColumn(String),
}

/// One file, one row group, sorted.
pub(crate) fn encode(rows: Rows) -> Result<Vec<u8>, EncodeError> {
    let class = rows.class;
    let schema = schema(class)?;
    let properties = Arc::new(properties(class, &schema)?);
    let order = order(&rows);
    let mut file = SerializedFileWriter::new(Vec::new(), schema, properties)?;
    let mut row_group = file.next_row_group()?;
    // Each column's memory is given back when it is written.
    for (leaf, column) in class.leaves.iter().zip(rows.columns) {
        let writer = row_group.next_column()?;
        let mut writer = writer.ok_or_else(|| EncodeError::NoColumn(leaf.path.join(".")))?;
        let (values, written) = write_column(&mut writer, column, &order)?;
        if values != written {
            return Err(EncodeError::Values {
                column: leaf.path.join("."),
                values,
                written,
            });
        }
        writer.close()?;
    }
    row_group.close()?;
    Ok(file.into_inner()?)
}

fn properties(class: &Class, schema: &TypePtr) -> Result<WriterProperties, EncodeError> {
    let time = i32::try_from(class.time).map_err(|error| ParquetError::External(error.into()))?;
    let by_time = SortingColumn {
        column_idx: time,
        descending: false,
        nulls_first: false,
    };
    let mut properties = WriterProperties::builder()
        .set_created_by("ualstream".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_data_page_size_limit(PAGE_BYTES_MAX)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_data_page_row_count_limit(PAGE_ROWS_MAX)
        .set_write_batch_size(BATCH_ROWS)
        .set_statistics_truncate_length(Some(BOUND_BYTES_MAX))
        .set_sorting_columns(Some(vec![by_time]));
    let descriptor = SchemaDescriptor::new(schema.clone());
    for (leaf, column) in class.leaves.iter().zip(descriptor.columns()) {
        let path = column.path();
        properties = properties
            .set_column_statistics_enabled(path.clone(), statistics(leaf))
            .set_column_dictionary_enabled(path.clone(), has_dictionary(leaf));
    }
    Ok(properties.build())
}

fn statistics(leaf: &Leaf) -> EnabledStatistics {
    match leaf.of {
        // Rows are sorted by time, so each page is a short span of it that a reader may pass over.
        Type::Time if leaf.path == ["time"] => EnabledStatistics::Page,
        Type::String if !BOUNDED_TEXTS.contains(&&*leaf.path) => EnabledStatistics::None,
        Type::Json => EnabledStatistics::None,
        _ => EnabledStatistics::Chunk,
    }
}

fn has_dictionary(leaf: &Leaf) -> bool {
    !matches!(leaf.of, Type::Json | Type::Bool) && !DISTINCT.contains(&&*leaf.path)
}

/// The rows by time, then by `metadata.uid`, then as they came.
fn order(rows: &Rows) -> Vec<usize> {
    let column = &rows.columns[rows.class.record_uid];
    let boundaries = column.levels.boundaries();
    let uid = |row: usize| match &column.values {
        Values::Text(texts) if column.levels.is_value(row) => texts.get(boundaries[row].value),
        _ => b"",
    };
    let mut keys: Vec<_> = rows
        .times_ms
        .iter()
        .enumerate()
        .map(|(row, time_ms)| (*time_ms, uid(row), row))
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, _, row)| row).collect()
}

/// How many values there are, and how many were written.
fn write_column(
    writer: &mut SerializedColumnWriter<'_>,
    column: ColumnBuffer,
    order: &[usize],
) -> Result<(usize, usize), ParquetError> {
    let levels = &column.levels;
    let values = column.values.len();
    let written = match column.values {
        Values::Int(values) => write::<Int32Type>(writer.typed(), levels, order, |at| values[at]),
        Values::Long(values) => write::<Int64Type>(writer.typed(), levels, order, |at| values[at]),
        Values::Bool(values) => write::<BoolType>(writer.typed(), levels, order, |at| values[at]),
        Values::Float(values) => {
            write::<DoubleType>(writer.typed(), levels, order, |at| values[at])
        }
        Values::Text(texts) => {
            let bytes = Bytes::from(texts.bytes);
            write::<ByteArrayType>(writer.typed(), levels, order, |at| {
                ByteArray::from(bytes.slice(texts.ends.range(at)))
            })
        }
    };
    Ok((values, written?))
}

fn write<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    levels: &Levels,
    order: &[usize],
    value: impl Fn(usize) -> T::T,
) -> Result<usize, ParquetError> {
    if levels.are_empty() {
        return write_empty(writer, levels.repetition.is_some(), order.len());
    }
    let boundaries = levels.boundaries();
    let mut values = Vec::with_capacity(BATCH_ROWS);
    let mut definition = Vec::with_capacity(BATCH_ROWS);
    let mut repetition = Vec::new();
    let mut written = 0;
    for rows in order.chunks(BATCH_ROWS) {
        values.clear();
        definition.clear();
        repetition.clear();
        for row in rows {
            let (begin, end) = (boundaries[*row], boundaries[row + 1]);
            for at in begin.level..end.level {
                definition.push(i16::from(levels.definition[at]));
                if let Some(levels) = &levels.repetition {
                    repetition.push(i16::from(levels[at]));
                }
            }
            for at in begin.value..end.value {
                values.push(value(at));
            }
        }
        let repetition = levels.repetition.is_some().then_some(repetition.as_slice());
        written += writer.write_batch(&values, Some(&definition), repetition)?;
    }
    Ok(written)
}

/// A column of which no row has anything, as most are: it is the same in any order.
fn write_empty<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    is_repeated: bool,
    rows: usize,
) -> Result<usize, ParquetError> {
    let zeros = vec![0; rows];
    let repetition = is_repeated.then_some(zeros.as_slice());
    writer.write_batch(&[], Some(&zeros), repetition)
}
