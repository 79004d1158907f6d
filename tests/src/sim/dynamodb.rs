//! DynamoDB in this process and thread: the same engine that local mode runs behind HTTP, called by the AWS SDK without a socket, so
//! that the order of calls is the caller's.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire::{self, Answer};

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
