//! Attempts at blobs that fail, without waiting for their delays, and the losses that come of them.

use std::time::Duration;

use jiff::Timestamp;
use office365::Cloud;
use pipeline::aws::batch::Delivery;
use pipeline::clock::Clock;
use pipeline::content::DiscoveredBy;
use pipeline::fetch::{self, FetchError};
use pipeline::ledger::blob::OPEN_PAGE_MAX;
use pipeline::ledger::loss::{LOSSES_PAGE_MAX, Loss};
use pipeline::queue::Message;
use tokio::time::Instant;

use super::{BATCH_WITHIN, World};
use crate::Outcome;

impl World {
    /// Takes what is in the queue, and then tries every open blob once more, `times` times, each time after `apart`. The queue
    /// is not asked for these, because its delays are of real time.
    ///
    /// # Errors
    /// A part does not answer.
    pub async fn try_again(&self, times: usize, apart: Duration) -> Outcome<()> {
        while self.work().await?.0 > 0 {}
        for _ in 0..times {
            self.pass(apart);
            self.try_within(BATCH_WITHIN).await?;
        }
        Ok(())
    }

    /// Tries every open blob once, with a worker that is stopped after `limit`.
    ///
    /// # Errors
    /// A part does not answer.
    pub async fn try_within(&self, limit: Duration) -> Outcome<()> {
        let tenant = self.tenant().to_string().parse()?;
        let open = self
            .ledger
            .open_blobs(tenant, Timestamp::MAX, OPEN_PAGE_MAX)
            .await?;
        let mut deliveries = Vec::new();
        for open in open {
            let message = Message::new(open.blob, DiscoveredBy::Retry);
            deliveries.push(Delivery {
                message_id: deliveries.len().to_string(),
                body: serde_json::to_string(&message)?,
            });
        }
        let clock = Clock::starting_at(self.now());
        let deadline = Instant::now() + limit;
        fetch::batch(&self.fetcher, deliveries, clock, deadline).await;
        Ok(())
    }

    /// Why a blob cannot be fetched when no more bytes of it are taken; none when it can be.
    ///
    /// # Errors
    /// The ids are none.
    pub async fn fetch_at_most(
        &self,
        content_id: &str,
        bytes_max: u64,
    ) -> Outcome<Option<FetchError>> {
        let microsoft = super::microsoft(&self.emulator)?;
        let (tenant, id) = (self.tenant().to_string().parse()?, content_id.parse()?);
        let opened = microsoft
            .client()?
            .open_blob(tenant, Cloud::Enterprise, &id, bytes_max)
            .await;
        Ok(opened.err().map(FetchError::from))
    }

    /// The losses of the first tenant.
    ///
    /// # Errors
    /// The ledger does not answer.
    pub async fn losses(&self) -> Outcome<Vec<Loss>> {
        let tenant = self.tenant().to_string().parse()?;
        let page = self.ledger.losses(tenant, None, LOSSES_PAGE_MAX).await?;
        Ok(page.losses)
    }
}
