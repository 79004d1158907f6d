//! What the detector keeps, in a DynamoDB table of its own: which records of a group lie in a window, which values were seen for
//! whom, how many findings a rule made in an hour, and the findings.
//!
//! Every item can be written by any number of workers, in any order and any number of times.

mod exceptions;
mod finding;
mod hours;
pub mod schema;
mod seen;
mod settled;
mod windows;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;

pub use self::exceptions::{ExceptionId, InvalidExceptionId, KeptException};
pub use self::finding::*;
pub use self::schema::create_table;
use self::seen::Remembered;
use self::settled::Settled;
use self::windows::Sets;
pub use self::windows::{
    Addition, ENTRY_BYTES_MAX, REMEMBERED_BYTES_MAX, WindowLimits, WindowSets,
};
use crate::aws::AwsError;
use crate::store::ledger::attribute::{Item, text};
use crate::store::ledger::key::{PK, SK};
use crate::store::ledger::{LedgerError, conditional};
use crate::store::log::Logs;

/// The table.
#[derive(Clone, Debug)]
pub struct Detections {
    client: Client,
    table: String,
    seen: Arc<Remembered>,
    settled: Arc<Settled>,
    windows: Arc<Logs<Sets>>,
}

/// The table could not be read or written, or holds what it should not.
#[derive(Debug, thiserror::Error)]
pub enum DetectionsError {
    /// DynamoDB failed, or an item is damaged.
    #[error(transparent)]
    Table(#[from] LedgerError),
    /// Other workers kept writing the same item; the next attempt goes on from there.
    #[error("others were faster at {what} {times} times in a row")]
    Contended {
        /// The item's kind.
        what: &'static str,
        /// How often.
        times: u32,
    },
}

impl From<AwsError> for DetectionsError {
    fn from(error: AwsError) -> Self {
        Self::Table(error.into())
    }
}

impl Detections {
    /// The table of this name, which must exist (template.yaml, or [`create_table`]).
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self::with_limits(client, table, WindowLimits::default())
    }

    /// The same as [`Self::new`], with other limits.
    #[must_use]
    pub fn with_limits(client: Client, table: String, limits: WindowLimits) -> Self {
        Self {
            seen: Arc::default(),
            settled: Arc::default(),
            windows: Arc::new(Logs::new(client.clone(), table.clone(), limits.into())),
            client,
            table,
        }
    }

    fn update_at(&self, pk: &str, sk: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        update.set_key(Some(place(pk, sk)))
    }
}

fn place(pk: &str, sk: &str) -> Item {
    Item::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}
