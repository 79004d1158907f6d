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

/// Makes files, one after the other, with the same memory: from the system it would come page by page, each time.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    /// The places of all columns, one column behind the other.
    places: Vec<Place>,
}

impl Encoder {
    /// One file, one row group, sorted.
    pub(crate) fn encode(&mut self, rows: Rows) -> Result<Vec<u8>, EncodeError> {
        let class = rows.class;
        let schema = schema(class)?;
        let descriptor = SchemaDescriptor::new(schema.clone());
        let order = order(&rows);
        let ends = deal_out(&rows, &order, &mut self.places);
        let texts = rows.tape.into_texts();
        let mut packer = Packer::new()?;
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties(class)))?;
        let mut group = file.next_row_group()?;
        let mut begin = 0;
        let leaves = class.leaves.iter().zip(descriptor.columns());
        for ((leaf, descriptor), end) in leaves.zip(ends) {
            let places = self.places.get(begin..end).unwrap_or_default();
            let column = Column::new(leaf, descriptor, places, order.len(), &texts);
            let (bytes, closed) = column.write(&mut packer)?;
            group.append_column(&bytes, closed)?;
            begin = end;
        }
        group.close()?;
        Ok(file.into_inner()?)
    }
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

/// Deals the rows' entries out to their columns, in the order in which they will be written, and answers where each column's
/// places end. What was in `places` before is of no meaning.
fn deal_out(rows: &Rows, order: &[u32], places: &mut Vec<Place>) -> Vec<usize> {
    // First how many each column has, then where its next one goes.
    let mut next = vec![0_usize; rows.class.leaves.len()];
    for piece in rows.tape.entries() {
        for entry in piece {
            if let Some(count) = next.get_mut(usize::from(entry.leaf)) {
                *count += 1;
            }
        }
    }
    let mut begin = 0;
    for count in &mut next {
        begin += std::mem::replace(count, begin);
    }
    places.resize(begin.max(places.len()), Place::default());
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
    next
}
