//! Listing what Microsoft has, and enqueueing what the ledger does not know or nobody finished.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::{Client, Content, ContentId, ContentListing, ContentType, Disposition};

use super::{Reconciler, Report, Sweep, TenantError, Window, windows};
use crate::clock::{Clock, later};
use crate::content::{ContentRef, DiscoveredBy};
use crate::metrics::{count, name};
use crate::store::ledger::Ledger;
use crate::store::ledger::blob::State;
use crate::store::ledger::registry::{Registered, Subscription, Tenant};
use crate::store::queue::{Message, Queue};
use crate::subscription::Ensured;

/// How long a blob may wait in the queue before it counts as overdue and is enqueued again. Longer than the fetcher's
/// visibility timeout, so that a message in other hands is not doubled.
const ENQUEUED_FOR_MAX: Duration = Duration::from_secs(40 * 60);

/// Ledger writes in flight at once, for one content type.
const NOTES_IN_FLIGHT_MAX: usize = 32;

/// What sweeping a tenant came to.
pub(super) struct Swept {
    pub(super) report: Report,
    pub(super) first_error: Option<TenantError>,
}

/// Sweeps every content type of a tenant; one that fails does not stop the others.
pub(super) async fn all_types(
    reconciler: &Reconciler,
    client: &Client,
    registered: &Registered,
    ensured: &Ensured,
    sweep: Sweep,
    clock: Clock,
) -> Swept {
    let each = registered
        .subscriptions
        .iter()
        .map(|(content_type, known)| async move {
            let mut report = Report::default();
            let result = one_type(
                reconciler,
                client,
                registered,
                (*content_type, known),
                sweep,
                clock,
                &mut report,
            )
            .await;
            let healthy = ensured.healthy.contains(content_type);
            let noted = note(
                &reconciler.ledger,
                &registered.tenant,
                (*content_type, known),
                &result,
                healthy,
                clock.now(),
            )
            .await;
            (report, result.and(noted))
        });
    let each: Vec<_> = each.collect();
    let mut done = stream::iter(each).buffer_unordered(ContentType::ALL.len());
    let mut swept = Swept {
        report: Report::default(),
        first_error: None,
    };
    while let Some((report, result)) = done.next().await {
        swept.report.add(report);
        if let Err(error) = result {
            swept.first_error.get_or_insert(error);
        }
    }
    swept
}

/// Sweeps one content type. The watermark moves when every page of every window was compared and enqueued, not before.
async fn one_type(
    reconciler: &Reconciler,
    client: &Client,
    registered: &Registered,
    (content_type, known): (ContentType, &Subscription),
    sweep: Sweep,
    clock: Clock,
    report: &mut Report,
) -> Result<(), TenantError> {
    let tenant = &registered.tenant;
    for Window { start, end } in windows(sweep, known.watermark, clock.now()) {
        let listing = client
            .list_content(tenant.tenant_id, tenant.cloud, content_type, start, end)
            .await?;
        report.listed += listing.contents.len();
        report.rejected += listing.rejected_count;
        note_rejected(&reconciler.ledger, tenant, content_type, &listing, clock).await?;
        report.unknown +=
            enqueue_unknown(reconciler, tenant, listing.contents, sweep, clock).await?;
        // Windows follow each other from the watermark or before it, so it may move with each of them.
        reconciler
            .ledger
            .advance_watermark(tenant.tenant_id, content_type, end)
            .await?;
    }
    Ok(())
}

/// What Microsoft lists and we refuse, because its address is not Microsoft's, is a loss until somebody looks at it.
async fn note_rejected(
    ledger: &Ledger,
    tenant: &Tenant,
    content_type: ContentType,
    listing: &ContentListing,
    clock: Clock,
) -> Result<(), TenantError> {
    let Some(first) = listing.rejected.first() else {
        return Ok(());
    };
    for rejected in &listing.rejected {
        let id = rejected
            .content_id
            .as_ref()
            .map_or("unreadable", ContentId::as_str);
        tracing::error!(tenant.id = %tenant.tenant_id, content.type = %content_type, content.id = id, why = rejected.why, "listed content refused");
    }
    count(name::LISTED_CONTENT_REFUSED, listing.rejected_count as u64);
    count(name::LOSSES_RECORDED, listing.rejected_count as u64);
    let loss = format!(
        "REFUSED: {} listed blobs, such as one because {}",
        listing.rejected_count, first.why
    );
    ledger
        .note_loss(tenant.tenant_id, content_type, &loss, clock.now())
        .await?;
    Ok(())
}

/// Writes down what keeps a type from being swept, or that nothing does any more.
async fn note(
    ledger: &Ledger,
    tenant: &Tenant,
    (content_type, known): (ContentType, &Subscription),
    result: &Result<(), TenantError>,
    healthy: bool,
    now: Timestamp,
) -> Result<(), TenantError> {
    let id = tenant.tenant_id;
    match result {
        // The subscription does not run: why its start failed says more than that.
        Err(TenantError::Microsoft(error)) if error.disposition() == Disposition::Disabled => {}
        Err(error) => {
            let text = error.to_string();
            ledger
                .note_error(id, content_type, Some(&text), now)
                .await?;
        }
        Ok(()) if healthy && known.last_error.is_some() => {
            ledger.note_error(id, content_type, None, now).await?;
        }
        Ok(()) => {}
    }
    Ok(())
}

/// Enqueues the listed blobs that have no item; returns how many. First the queue, then the ledger: after a crash between
/// the two the blob is unknown still, and enqueued again. The daily sweep also takes up again what was given up, since
/// Microsoft still lists it.
async fn enqueue_unknown(
    reconciler: &Reconciler,
    tenant: &Tenant,
    contents: Vec<Content>,
    sweep: Sweep,
    clock: Clock,
) -> Result<usize, TenantError> {
    let Reconciler { ledger, queue, .. } = reconciler;
    let ids: Vec<ContentId> = contents
        .iter()
        .map(|content| content.content_id.clone())
        .collect();
    let known = ledger.known_blobs(tenant.tenant_id, &ids).await?;
    let now = clock.now();
    let mut wanted = Vec::new();
    for content in contents {
        let state = known.get(&content.content_id);
        let blob = ContentRef::new(tenant.tenant_id, content);
        let given_up = matches!(state, Some(State::Quarantined | State::Lost));
        let again = sweep == Sweep::Week && given_up && blob.content_expiration > now;
        if state.is_none() || (again && ledger.reopen(&blob, now).await?) {
            wanted.push(blob);
        }
    }
    enqueue(ledger, queue, &wanted, now).await?;
    Ok(wanted.len())
}

/// Enqueues the blobs of a tenant that nobody finished in time; returns how many.
pub(super) async fn enqueue_overdue(
    ledger: &Ledger,
    queue: &Queue,
    registered: &Registered,
    now: Timestamp,
) -> Result<usize, TenantError> {
    let overdue: Vec<ContentRef> = ledger.open_blobs(registered.tenant.tenant_id, now).await?;
    enqueue(ledger, queue, &overdue, now).await?;
    Ok(overdue.len())
}

async fn enqueue(
    ledger: &Ledger,
    queue: &Queue,
    blobs: &[ContentRef],
    now: Timestamp,
) -> Result<(), TenantError> {
    let messages: Vec<Message> = blobs
        .iter()
        .map(|blob| Message::new(blob.clone(), DiscoveredBy::Listing))
        .collect();
    queue.send(&messages).await?;
    let due_at = later(now, ENQUEUED_FOR_MAX);
    stream::iter(blobs.to_vec())
        .map(|blob| async move { ledger.note_enqueued(&blob, due_at, now).await })
        .buffer_unordered(NOTES_IN_FLIGHT_MAX)
        .try_collect::<()>()
        .await?;
    Ok(())
}
