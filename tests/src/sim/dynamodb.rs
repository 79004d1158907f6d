//! DynamoDB in this process and thread: the same engine that local mode runs behind HTTP, called by the AWS SDK without a socket, so
//! that the order of calls is the caller's.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::{Database, DynoxideError, ImportOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire::{self, Answer};
use crate::Outcome;

/// An item of a table.
pub use dynoxide::types::Item;

/// Pages of 1 MB that a copy of a table has at most: far more than a run of days writes.
const PAGES_MAX: usize = 1_000;

/// The database.
#[derive(Clone)]
pub struct DynamoDb(Arc<Database>);

impl fmt::Debug for DynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DynamoDb").finish()
    }
}

impl DynamoDb {
    /// An empty one.
    ///
    /// # Errors
    /// SQLite does not start.
    pub fn memory() -> Result<Self, DynoxideError> {
        Ok(Self(Arc::new(Database::memory()?)))
    }

    /// All items of a table.
    ///
    /// # Errors
    /// There is no such table.
    pub fn items(&self, table: &str) -> Outcome<Vec<Item>> {
        let (mut items, mut start) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = self.0.scan(ScanRequest {
                table_name: table.to_owned(),
                exclusive_start_key: start,
                ..ScanRequest::default()
            })?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
        Err(format!("{table} is larger than a copy may be").into())
    }

    /// Puts items into a table, past all calls.
    ///
    /// # Errors
    /// There is no such table.
    pub fn put_all(&self, table: &str, items: Vec<Item>) -> Outcome<()> {
        self.0
            .import_items(table, items, ImportOptions::default())?;
        Ok(())
    }

    /// Deletes a table with all that is in it.
    ///
    /// # Errors
    /// There is no such table.
    pub fn drop_table(&self, table: &str) -> Outcome<()> {
        let table_name = table.to_owned();
        self.0.delete_table(DeleteTableRequest { table_name })?;
        Ok(())
    }

    fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        match self.run(operation, body) {
            Ok(body) => Answer { status: 200, body },
            Err(error) => Answer {
                status: error.status_code(),
                body: error.to_json(),
            },
        }
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        let db = &self.0;
        match operation {
            "GetItem" => written(&db.get_item(read(body)?)?),
            "PutItem" => written(&db.put_item(read(body)?)?),
            "UpdateItem" => written(&db.update_item(read(body)?)?),
            "DeleteItem" => written(&db.delete_item(read(body)?)?),
            "Query" => written(&db.query(read(body)?)?),
            "BatchGetItem" => written(&db.batch_get_item(read(body)?)?),
            "BatchWriteItem" => written(&db.batch_write_item(read(body)?)?),
            "TransactWriteItems" => written(&db.transact_write_items(read(body)?)?),
            "CreateTable" => written(&db.create_table(read(body)?)?),
            "UpdateTimeToLive" => written(&db.update_time_to_live(read(body)?)?),
            other => Err(DynoxideError::ValidationException(format!(
                "the simulation knows no {other}"
            ))),
        }
    }
}

impl HttpConnector for DynamoDb {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = wire::operation(&request);
        let body = request.body().bytes().unwrap_or_default();
        HttpConnectorFuture::ready(self.answer(&operation, body).into_response())
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, DynoxideError> {
    serde_json::from_slice(body)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))
}

fn written(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer)
        .map_err(|error| DynoxideError::SerializationException(error.to_string()))
}
