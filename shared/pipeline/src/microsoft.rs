//! Microsoft's API, connected at the first event: the credential may be a secret that a cold start must not wait for.

pub mod budget;
pub mod credential;
pub mod trouble;

use std::fmt;
use std::sync::{Arc, OnceLock};

use office365::{Client, ClientConfig, Clock, Credential, Endpoints, InvalidConfig};
use uuid::Uuid;

use self::credential::AppCredential;
use crate::store::ledger::Ledger;

/// The API and the app registration that calls it. A clone shares the client: its tokens, its connections and its quota of
/// requests to each tenant.
#[derive(Clone)]
pub struct Microsoft {
    client_id: Uuid,
    publisher_id: Uuid,
    endpoints: Endpoints,
    credential: Credential,
    /// Where the requests of a tenant are counted for all processes, and up to which number of a minute they are made; none where
    /// there is one process.
    shared_by: Option<(Ledger, u32)>,
    /// Another clock than the system's.
    clock: Option<Clock>,
    client: Arc<OnceLock<Client>>,
}

impl fmt::Debug for Microsoft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Microsoft")
            .field("client_id", &self.client_id)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

impl Microsoft {
    /// The API as this app registration sees it. Nothing is read or called yet.
    #[must_use]
    pub fn new(
        client_id: Uuid,
        publisher_id: Uuid,
        endpoints: Endpoints,
        credential: AppCredential,
    ) -> Self {
        Self {
            client_id,
            publisher_id,
            endpoints,
            credential: credential.into_credential(),
            shared_by: None,
            clock: None,
            client: Arc::default(),
        }
    }

    /// The same, where other processes call Microsoft for the same tenants: they share the tenants' requests. Of
    /// each minute's this one makes none beyond `most`, such as [`FETCHES_PER_MINUTE`](crate::store::ledger::budget).
    #[must_use]
    pub fn shared_by(mut self, ledger: Ledger, most: u32) -> Self {
        self.shared_by = Some((ledger, most));
        self
    }

    /// The same by another clock than the system's: tokens end and minutes of requests begin by it.
    #[must_use]
    pub fn on_clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The client, made once; it keeps tokens and connections. The credential is asked for with each token, so a rotated one
    /// is used without a restart.
    ///
    /// # Errors
    /// The HTTP client cannot be built; the next call tries again.
    pub fn client(&self) -> Result<&Client, InvalidConfig> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::new(self.config())?;
        // Two first calls at once may build two; one is kept.
        Ok(self.client.get_or_init(|| client))
    }

    fn config(&self) -> ClientConfig {
        let credential = self.credential.clone();
        let mut config = ClientConfig::new(self.client_id, credential, self.publisher_id);
        config.endpoints = self.endpoints.clone();
        if let Some(clock) = &self.clock {
            config.clock = Arc::clone(clock);
        }
        config.budget = self
            .shared_by
            .clone()
            .map(|(ledger, most)| budget::shared(ledger, most, config.clock.clone()));
        config
    }

    /// Which servers are Microsoft.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}
