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
    // By its name for after an import, in effect `synchronous = NORMAL`: with the write-ahead log every commit survives a
    // kill of the process, without a wait for the disk at each. A power failure may take the last commits with it, and the
    // last files of the lake: local mode does not promise more than the folder's disk does.
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
                tracing::warn!(%error, "items past their time to live were not deleted");
                0
            }
        }
    }

    /// Stops serving and closes the database; the last connection folds the write-ahead log into the file.
    pub(super) async fn stop(self) {
        self.server.stop().await;
        drop(self.database);
    }
}
