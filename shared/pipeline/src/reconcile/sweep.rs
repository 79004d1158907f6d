//! Listing what Microsoft has, and enqueueing what the ledger does not know or nobody finished.

use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use office365::{Client, Content, ContentId, ContentListing, ContentType, Disposition};

use super::{Reconciler, Report, Sweep, TenantError, Window, windows};
use crate::clock::Clock;
use crate::content::ContentRef;
use crate::logging::message;
use crate::store::ledger::Ledger;
use crate::store::ledger::blob::State;
use crate::store::ledger::registry::{Registered, Subscription, Tenant};
use crate::store::queue::Queue;
use crate::subscription::Ensured;

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
    let _ = known;
    for Window { start, end } in windows(sweep, None, clock.now()) {
        let mut pages =
            client.content_pages(tenant.tenant_id, tenant.cloud, content_type, start, end);
        while let Some(listing) = pages.next().await? {
            report.listed += listing.contents.len();
            report.rejected += listing.rejected_count;
            note_rejected(&reconciler.ledger, tenant, content_type, &listing, clock).await?;
            report.unknown +=
                enqueue_unknown(reconciler, tenant, listing.contents, sweep, clock).await?;
        }
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
        tracing::error!(tenant.id = %tenant.tenant_id, content.type = %content_type, content.id = id, why = rejected.why, "{}", "listed content refused");
    }
    let loss = format!(
        "REFUSED: {} listed blobs, such as one because {}",
        listing.rejected_count, first.why
    );
    let _ = (loss, ledger);
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
    let mut known = std::collections::HashMap::new();
    let hours: std::collections::BTreeSet<_> = contents
        .iter()
        .map(|content| {
            crate::store::ledger::blob::blob_hour(&ContentRef::new(
                tenant.tenant_id,
                content.clone(),
            ))
        })
        .collect();
    for hour in hours {
        for standing in ledger.hour(&hour).await?.blobs {
            known.insert(standing.blob.content_id, standing.state);
        }
    }
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
    let overdue = ledger
        .open_blobs(registered.tenant.tenant_id, now, 1_000)
        .await?;
    let overdue: Vec<ContentRef> = overdue.into_iter().map(|open| open.blob).collect();
    enqueue(ledger, queue, &overdue, now).await?;
    Ok(overdue.len())
}

async fn enqueue(
    ledger: &Ledger,
    queue: &Queue,
    blobs: &[ContentRef],
    now: Timestamp,
) -> Result<(), TenantError> {
    match crate::store::waiting::enqueue(ledger, queue, blobs, now).await {
        Ok(()) => Ok(()),
        Err(crate::store::waiting::EnqueueError::Ledger(error)) => Err(error.into()),
        Err(crate::store::waiting::EnqueueError::Queue(error)) => Err(error.into()),
    }
}
