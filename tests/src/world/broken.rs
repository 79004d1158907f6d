//! Installations that something of ours is wrong with: what the doctor has to name.

use std::time::Duration;

use pipeline::aws::secrets::Secret;
use pipeline::microsoft::credential::AppCredential;
use pipeline::subscription::Webhooks;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::parts::{microsoft_by, operators_api};
use super::{WAIT_MAX, WEBHOOK_KEY, World, lake, queue};
use crate::Outcome;

impl World {
    /// Lets the API prove who it is with this certificate and key, both in one PEM text.
    ///
    /// # Errors
    /// The emulator's addresses cannot be used.
    pub fn use_certificate(&mut self, pem: &str) -> Outcome<()> {
        let credential = AppCredential::Certificate(Secret::fixed(pem.into(), None));
        let microsoft = microsoft_by(&self.emulator, credential)?;
        let queue = queue(&self.backends, &self.flaky_sqs);
        let webhooks = Webhooks {
            base_url: self.api.webhooks.base_url.clone(),
            key: Secret::fixed(WEBHOOK_KEY.into(), None),
        };
        self.api = operators_api(
            (&self.ledger, self.detections().clone()),
            &queue,
            lake(self.folder.path())?,
            microsoft,
            webhooks,
        );
        Ok(())
    }

    /// Ends the server that Microsoft's calls reach, and waits until nobody listens there.
    ///
    /// # Errors
    /// It goes on listening.
    pub async fn close_the_webhook(&mut self) -> Outcome<()> {
        self._server = None;
        let base = self.api.webhooks.base_url.clone();
        let address = base.ok_or("there is no webhook")?.socket_addrs(|| None)?[0];
        let closed = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        Ok(timeout(WAIT_MAX.min(Duration::from_secs(20)), closed).await?)
    }
}
