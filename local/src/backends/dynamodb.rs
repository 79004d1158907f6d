//! The embedded DynamoDB: dynoxide over SQLite.

use dynoxide::Database;

use super::server::{self, Server};
use super::{BackendsError, Storage};

/// A running DynamoDB.
pub(super) struct Dynamodb {
    server: Server,
    database: Database,
}

/// Opens the database and serves it.
pub(super) fn start(storage: &Storage) -> Result<Dynamodb, BackendsError> {
    let database = open(storage).map_err(|error| BackendsError::Database {
        file: match storage {
            Storage::File(file) => file.display().to_string(),
            Storage::Memory => "in memory".to_owned(),
        },
        cause: error.to_string(),
    })?;
    let served = database.clone();
    let server = server::spawn("dynamodb", async move |listener, stop| {
        let stopped = async move {
            let _ = stop.await;
        };
        if let Err(error) = dynoxide::server::serve_with_shutdown(listener, served, stopped).await {
            tracing::error!(%error, "embedded DynamoDB ended");
        }
    })?;
    Ok(Dynamodb { server, database })
}

fn open(storage: &Storage) -> dynoxide::Result<Database> {
    let Storage::File(file) = storage else {
        return Database::memory();
    };
    let database = Database::new(&file.to_string_lossy())?;
    // The name speaks of imports; the effect is `synchronous = NORMAL`. With the write-ahead log, every commit survives a kill of
    // the process without waiting for the disk. A power failure may lose the last commits, as it may lose the last files of the
    // lake: local mode promises no more than the disk does.
    database.disable_bulk_loading()?;
    Ok(database)
}

impl Dynamodb {
    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    pub(super) fn expire_items(&self) -> usize {
        match self.database.sweep_ttl() {
            Ok(items) => items,
            Err(error) => {
                tracing::warn!(%error, "expired items were not deleted");
                0
            }
        }
    }

    /// Stops the server and closes the database. The last connection merges the write-ahead log into the file.
    pub(super) async fn stop(self) {
        self.server.stop().await;
        drop(self.database);
    }
}
