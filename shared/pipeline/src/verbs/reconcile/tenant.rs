//! One tenant, looked after: removed if it leaves, let be if it is paused or braked, otherwise healed, swept and followed up.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use office365::{Client, ContentType, TenantId};

use super::listing::Listing;
use super::overdue::{Depth, enqueue_overdue, look_for_oldest};
use super::progress::Progress;
use super::report::Report;
use super::trouble::TenantError;
use crate::clock::Clock;
use crate::microsoft::Microsoft;
use crate::store::ledger::Ledger;
use crate::store::ledger::registry::brake::Brake;
use crate::store::ledger::registry::{Registered, Tenant, TenantState};
use crate::store::queue::Queue;
use crate::store::waiting::enqueue_waiting;
use crate::verbs::subscription::{Ensured, Webhooks, ensure, note_on_all, stop_all};

/// How a tenant was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is not registered (any more), and nothing is kept of its sweeps.
    NotRegistered,
    /// It was leaving, and its removal is finished.
    Removed,
    /// It was gone or leaving, and has been registered again meanwhile: there is more to do at once.
    CameBack,
    /// An operator wants nothing to be fetched.
    Paused,
    /// Nothing works for it at present; the next try is not before this time, or somebody else's.
    Braked(Timestamp),
    /// All was done, or failed; the failures are with the progress.
    Swept {
        /// Whether every subscription has its webhook.
        webhooks_serve: bool,
    },
}

/// What a sweep works with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) queue: &'a Queue,
    pub(super) microsoft: &'a Microsoft,
    pub(super) webhooks: &'a Webhooks,
    pub(super) depth: &'a Depth,
    /// The sweep's own name: the owner of its lease.
    pub(super) owner: &'a str,
    pub(super) progress: &'a Progress,
    /// What the sweep before this one failed with.
    pub(super) last_error: Option<&'a str>,
    /// When the tenant was registered.
    pub(super) known_at: Option<Timestamp>,
    /// Up to where certificates are written.
    pub(super) certified_until: Option<Timestamp>,
    /// Time for the subscriptions: less than what ends the sweep as one that hangs, because the listing comes after them.
    pub(super) heals_within: Duration,
    pub(super) clock: Clock,
}

impl Work<'_> {
    /// Looks after the tenant as it is registered now.
    pub(super) async fn look_after(&self, tenant: TenantId) -> Result<End, TenantError> {
        let Some(registered) = self.ledger.registered(tenant).await? else {
            let forgotten = self.ledger.forget_tenant(tenant).await?;
            return Ok(if forgotten {
                End::NotRegistered
            } else {
                End::CameBack
            });
        };
        let client = self.microsoft.client()?;
        match registered.tenant.state {
            TenantState::Leaving => return self.remove(client, &registered.tenant).await,
            TenantState::Paused => return Ok(End::Paused),
            TenantState::Active => {}
        }
        let now = self.clock.now();
        self.progress.only(
            &registered.tenant.content_types,
            self.certified_until,
            (self.known_at.unwrap_or(now), now),
        );
        if let Some(brake) = &registered.tenant.brake {
            look_for_oldest(self.ledger, tenant, self.progress).await?;
            if let Some(until) = self.waits(tenant, brake).await? {
                return Ok(End::Braked(until));
            }
        }
        self.serve(client, &registered).await
    }

    /// Finishes the removal of a tenant, unless it has come back.
    async fn remove(&self, client: &Client, tenant: &Tenant) -> Result<End, TenantError> {
        let id = tenant.tenant_id;
        let removed =
            stop_all(self.ledger, client, tenant).await? && self.ledger.remove_tenant(id).await?;
        if !removed {
            tracing::info!(tenant.id = %id, "tenant not removed: it was registered again");
            return Ok(End::CameBack);
        }
        tracing::info!(tenant.id = %id, "tenant removed");
        Ok(End::Removed)
    }

    /// Until when a braked tenant is let be; `None` for the one who tries whether it still has to.
    async fn waits(
        &self,
        tenant: TenantId,
        brake: &Brake,
    ) -> Result<Option<Timestamp>, TenantError> {
        let now = self.clock.now();
        let is_ours =
            now >= brake.next_probe_at && self.ledger.take_probe(tenant, brake, now).await?;
        Ok((!is_ours).then_some(brake.next_probe_at.max(now)))
    }

    /// Heals, sweeps and follows up. A failure of one part does not keep the others from being done.
    async fn serve(&self, client: &Client, registered: &Registered) -> Result<End, TenantError> {
        let (id, progress) = (registered.tenant.tenant_id, self.progress);
        let stores = (self.ledger, self.queue);
        let braked = registered.tenant.brake.is_some();
        // Overdue blobs first: they need nothing of Microsoft's listing. Those of a braked tenant would only wait again.
        if !braked {
            let now = self.clock.now();
            let enqueued = enqueue_overdue(stores, self.depth, id, progress, now).await;
            enqueued.unwrap_or_else(|error| progress.fail(error));
        }
        let ensured = match ensure(
            self.ledger,
            client,
            self.webhooks,
            registered,
            (self.clock, self.heals_within),
        )
        .await
        {
            Ok(ensured) => {
                progress.note_answer();
                progress.count(Report {
                    started: ensured.started,
                    ..Report::default()
                });
                ensured
            }
            Err(error) => {
                let text = error.to_string();
                note_on_all(self.ledger, registered, &text, self.clock.now()).await;
                let error = TenantError::from(error);
                if braked && error.of_tenant().is_some() {
                    // One call was enough to see that nothing works yet.
                    return Err(error);
                }
                progress.fail(error);
                progress.touch();
                // Content is listed even so: whichever of the two works, works.
                Ensured::default()
            }
        };
        let mut braked = braked;
        if braked && progress.has_answer() {
            self.end_brake(id).await?;
            braked = false;
        }
        self.list_all(client, registered, &ensured).await;
        if braked && progress.has_answer() {
            self.end_brake(id).await?;
        }
        let mut types = registered.tenant.content_types.iter();
        let webhooks_serve =
            self.webhooks.base_url.is_some() && types.all(|of| ensured.healthy.contains(of));
        Ok(End::Swept { webhooks_serve })
    }

    /// The tenant can be served again: what waited for that is enqueued at once.
    async fn end_brake(&self, tenant: TenantId) -> Result<(), TenantError> {
        if self.ledger.take_brake_off(tenant).await? {
            let on_page = |overdue| {
                self.progress.count(Report {
                    overdue,
                    ..Report::default()
                });
            };
            let now = self.clock.now();
            let waiting = enqueue_waiting(self.ledger, self.queue, tenant, now, on_page).await?;
            self.depth.add(waiting).await;
            tracing::info!(tenant.id = %tenant, "tenant is served again");
        }
        Ok(())
    }

    /// Sweeps every content type; one that fails does not stop the others.
    async fn list_all(&self, client: &Client, registered: &Registered, ensured: &Ensured) {
        let listing = Listing {
            ledger: self.ledger,
            queue: self.queue,
            client,
            tenant: &registered.tenant,
            owner: self.owner,
            progress: self.progress,
            last_error: self.last_error,
            clock: self.clock,
        };
        let each = registered
            .subscriptions
            .iter()
            .map(|(of, known)| async move {
                let result = listing.list(*of).await;
                let healthy = ensured.healthy.contains(of);
                let noted = listing.note(*of, known, &result, healthy).await;
                result.and(noted)
            });
        let each: Vec<_> = each.collect();
        let mut done = stream::iter(each).buffer_unordered(ContentType::ALL.len());
        while let Some(result) = done.next().await {
            result.unwrap_or_else(|error| self.progress.fail(error));
        }
    }
}
