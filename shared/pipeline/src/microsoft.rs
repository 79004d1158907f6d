//! Microsoft's API, connected at the first event: the credential is a secret that a cold start must not wait for.

use jiff::Timestamp;
use office365::{Client, ClientConfig, Credential, Endpoints};
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::aws::AwsError;
use crate::secrets::Secret;

/// The API and the app registration that calls it.
#[derive(Debug)]
pub struct Microsoft {
    client_id: Uuid,
    publisher_id: Uuid,
    endpoints: Endpoints,
    client_secret: Secret,
    client: OnceCell<Client>,
}

/// There is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The client secret cannot be read.
    #[error("the app registration's client secret cannot be read: {0}")]
    Secret(#[from] AwsError),
    /// The HTTP client cannot be built.
    #[error("the Microsoft client cannot be built: {0}")]
    Client(#[from] office365::InvalidConfig),
}

impl Microsoft {
    /// The API as this app registration sees it. Nothing is read or called yet.
    #[must_use]
    pub fn new(
        client_id: Uuid,
        publisher_id: Uuid,
        endpoints: Endpoints,
        client_secret: Secret,
    ) -> Self {
        Self {
            client_id,
            publisher_id,
            endpoints,
            client_secret,
            client: OnceCell::new(),
        }
    }

    /// The client, made once; it keeps tokens and connections.
    ///
    /// # Errors
    /// [`ConnectError`]; the next call tries again.
    pub async fn client(&self, now: Timestamp) -> Result<&Client, ConnectError> {
        self.client
            .get_or_try_init(|| async {
                let secret = self.client_secret.versions(now).await?.current;
                let mut config = ClientConfig::new(
                    self.client_id,
                    Credential::Secret(secret),
                    self.publisher_id,
                );
                config.endpoints = self.endpoints.clone();
                Ok(Client::new(config)?)
            })
            .await
    }

    /// Which servers are Microsoft.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}
