//! Rows to the bytes of a Parquet file.

use std::io;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use crate::column::{Column, Place};
use crate::columns::Class;
use crate::pages::Packer;
use crate::rows::Rows;
use crate::schema::schema;

/// The rows cannot be written as Parquet: a fault of the columns, or of the library.
#[derive(Debug, thiserror::Error)]
#[error("no Parquet file can be made of the events: {0}")]
pub struct EncodeError(#[from] ParquetError);

impl From<io::Error> for EncodeError {
    fn from(error: io::Error) -> Self {
        Self(error.into())
    }
}

/// One file, one row group, sorted.
pub(crate) fn encode(rows: Rows) -> Result<Vec<u8>, EncodeError> {
    let class = rows.class;
    let schema = schema(class)?;
    let descriptor = SchemaDescriptor::new(schema.clone());
    let order = order(&rows);
    let columns = columns(&rows, &order);
    let texts = rows.tape.into_texts();
    let mut packer = Packer::new()?;
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties(class)))?;
    let mut group = file.next_row_group()?;
    let leaves = class.leaves.iter().zip(descriptor.columns());
    for ((leaf, descriptor), places) in leaves.zip(columns.iter()) {
        let column = Column {
            leaf,
            descriptor,
            places,
            rows: order.len(),
            texts: &texts,
        };
        let (bytes, closed) = column.write(&mut packer)?;
        group.append_column(&bytes, closed)?;
    }
    group.close()?;
    Ok(file.into_inner()?)
}

/// What is said of the whole file; the rest is each column's own.
fn properties(class: &Class) -> WriterProperties {
    let time = class.leaf(&["time"]).and_then(|at| i32::try_from(at).ok());
    let sorting = time.map(|column_idx| SortingColumn {
        column_idx,
        descending: false,
        nulls_first: false,
    });
    WriterProperties::builder()
        .set_created_by("ualstream".to_owned())
        .set_sorting_columns(sorting.map(|by| vec![by]))
        .build()
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
