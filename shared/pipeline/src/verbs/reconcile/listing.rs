//! One content type of one tenant: what Microsoft has made available since the watermark, and what appeared late before it.

use std::time::Duration;

use jiff::Timestamp;
use office365::{Client, ContentListing, ContentType, Disposition};
use tokio::time::Instant;

use super::compare::{Hours, compare, note_whole_hours};
use super::progress::Progress;
use super::report::Report;
use super::trouble::TenantError;
use super::window::{
    DAY_PASS, PassPlan, WEEK_PASS, Window, after_window, is_due, narrower, next_of_pass, plan,
    wider,
};
use crate::clock::{Clock, later};
use crate::content::ContentRef;
use crate::metrics;
use crate::store::ledger::Ledger;
use crate::store::ledger::registry::{Subscription, Tenant};
use crate::store::ledger::sweep::{Pass, TypeSweep};
use crate::store::queue::Queue;
use crate::teeth::{Tooth, bites};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A window that was listed within this time may be twice as long: a quarter of what a sweep has.
const QUICK: Duration = Duration::from_secs(15);

/// Why a stretch was not listed in time, when no sweep failed: none took place.
const NOT_SWEPT: &str = "it was not listed in time: the tenant was paused, or nothing swept it";

/// What listing a content type works with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) queue: &'a Queue,
    pub(super) client: &'a Client,
    pub(super) tenant: &'a Tenant,
    /// The sweep's own name: the owner of its lease.
    pub(super) owner: &'a str,
    pub(super) progress: &'a Progress,
    /// What the sweep before this one failed with.
    pub(super) last_error: Option<&'a str>,
    pub(super) clock: Clock,
}

/// A way to change the one pass or the other.
type PassOf = fn(&mut TypeSweep) -> &mut Pass;

impl Listing<'_> {
    /// Lists everything since the watermark, which moves with each window after its last page was compared and enqueued, and
    /// then the next window of each pass that is due.
    pub(super) async fn list(&self, of: ContentType) -> Result<(), TenantError> {
        let now = self.clock.now();
        let plan = plan(&self.progress.of_type(of), now);
        let begin = plan.windows.first().map_or(now, |first| first.start);
        self.begin(of, begin, now);
        let count = plan.windows.len();
        let mut gap = plan.gap;
        for (number, window) in plan.windows.into_iter().enumerate() {
            if bites(Tooth::WatermarkFirst) {
                let end = Some(window.end);
                self.progress.change(of, |swept| swept.watermark = end);
            }
            self.list_window(of, window, gap.take()).await?;
            self.progress.change(of, |swept| {
                swept.watermark = swept.watermark.max(Some(window.end));
            });
            // The last one is written at the end of the sweep.
            if number + 1 < count {
                self.keep().await?;
            }
        }
        self.pass(of, DAY_PASS, |swept| &mut swept.day, begin)
            .await?;
        self.pass(of, WEEK_PASS, |swept| &mut swept.week, begin)
            .await
    }

    /// The first listing: where it begins is kept, so that its progress can be told, and no hour before it is certified. Until
    /// its first window is listed it begins later with each try; what it was to list by then is a gap.
    fn begin(&self, of: ContentType, from: Timestamp, now: Timestamp) {
        self.progress.change(of, |swept| {
            if swept.watermark.is_none() {
                let until = *swept.begun_until.get_or_insert(now);
                swept.begun_at = Some(from.min(until));
            }
        });
    }

    /// The next window of a pass, if it is due.
    async fn pass(
        &self,
        of: ContentType,
        plan: PassPlan,
        pass: PassOf,
        until: Timestamp,
    ) -> Result<(), TenantError> {
        let now = self.clock.now();
        let mut swept = self.progress.of_type(of);
        let (before, narrowed) = (pass(&mut swept).clone(), swept.narrowed);
        if !is_due(plan, &before, now) {
            return Ok(());
        }
        let window = next_of_pass(plan, (&before, narrowed), until, now);
        if let Some(window) = window {
            self.list_window(of, window, None).await?;
        }
        let after = after_window(window, until, now);
        self.progress.change(of, |swept| *pass(swept) = after);
        Ok(())
    }

    /// Lists one window, and learns from it how long the next ones may be: one that is not listed to its end within a sweep would
    /// never be, because the next sweep begins with its first page again.
    async fn list_window(
        &self,
        of: ContentType,
        window: Window,
        gap: Option<(Timestamp, Timestamp)>,
    ) -> Result<(), TenantError> {
        let narrowed = self.progress.of_type(of).narrowed;
        let narrow = |narrowed| self.progress.change(of, |swept| swept.narrowed = narrowed);
        // As long as it has not ended it is too long: a sweep whose time is over is stopped from outside.
        narrow(narrower(narrowed));
        let begun = Instant::now();
        let listed = self.list_pages(of, window, gap).await;
        narrow(match &listed {
            Ok(()) if begun.elapsed() < QUICK => wider(narrowed, window),
            Err(error) if error.is_endless_listing() => narrower(narrowed),
            Ok(()) | Err(_) => narrowed,
        });
        listed
    }

    /// The pages of one window. They are compared and enqueued as they come, so that one that fails takes nothing with it.
    async fn list_pages(
        &self,
        of: ContentType,
        window: Window,
        mut gap: Option<(Timestamp, Timestamp)>,
    ) -> Result<(), TenantError> {
        let mut hours = Hours::default();
        let Tenant {
            tenant_id, cloud, ..
        } = *self.tenant;
        let mut pages = self
            .client
            .content_pages(tenant_id, cloud, of, window.start, window.end);
        let failed = |error| TenantError::Listing { of, error };
        loop {
            let page = pages.next().await.map_err(failed);
            if page.is_err() && bites(Tooth::FailedPageEnds) {
                break;
            }
            let Some(page) = page? else { break };
            self.progress.note_answer();
            if let Some(gap) = gap.take() {
                self.lose(of, gap).await?;
            }
            self.refuse(of, window, &page).await?;
            let listed = page.contents.into_iter();
            let listed = listed
                .map(|content| ContentRef::new(tenant_id, content))
                .collect();
            compare(
                (self.ledger, self.queue),
                listed,
                &mut hours,
                self.progress,
                self.clock.now(),
            )
            .await?;
            if bites(Tooth::FirstPageOnly) {
                break;
            }
        }
        note_whole_hours(self.ledger, window, &hours, self.clock.now()).await
    }

    /// What Microsoft no longer lists and nobody has listed is a loss. It is written down when listing works again, because
    /// until then its end is not known, and before the watermark moves over it.
    async fn lose(&self, of: ContentType, gap: (Timestamp, Timestamp)) -> Result<(), TenantError> {
        let id = self.tenant.tenant_id;
        let reason = self.last_error.unwrap_or(NOT_SWEPT);
        if !bites(Tooth::GapNotRecorded) {
            self.ledger
                .record_gap(id, of, gap, reason, self.clock.now())
                .await?;
        }
        tracing::error!(tenant.id = %id, content.type = %of, from = %gap.0, to = %gap.1, reason, "period lost: Microsoft does not list it any more");
        metrics::count(metrics::name::LOSSES_RECORDED, 1);
        self.progress.count(Report {
            gaps: 1,
            ..Report::default()
        });
        self.progress.change(of, |swept| {
            swept.watermark = swept.watermark.max(Some(gap.1));
        });
        self.keep().await
    }

    /// What Microsoft lists and nobody can fetch, because its id cannot be used, is a loss until somebody looks at it. One for
    /// each day of the window, because nobody knows when it became available, and the same item is listed again and again.
    async fn refuse(
        &self,
        of: ContentType,
        window: Window,
        page: &ContentListing,
    ) -> Result<(), TenantError> {
        count_odd(page);
        if let Some(first) = page.readdressed.first() {
            tracing::warn!(tenant.id = %self.tenant.tenant_id, content.type = %of, content.id = %first.content_id, count = page.readdressed_count, why = %first.why, "listed blobs have unexpected addresses, they are fetched by their ids");
        }
        let Some(first) = page.rejected.first() else {
            return Ok(());
        };
        let (id, count) = (self.tenant.tenant_id, page.rejected_count);
        tracing::error!(tenant.id = %id, content.type = %of, count, why = first.why, "listed items cannot be fetched");
        let reason = format!(
            "{count} listed items have no usable contentId, such as one because {}",
            first.why
        );
        let now = self.clock.now();
        for day in days(window) {
            self.ledger.record_gap(id, of, day, &reason, now).await?;
        }
        self.progress.count(Report {
            rejected: count,
            ..Report::default()
        });
        Ok(())
    }

    /// Writes down on the way how far this sweep is. Whoever has taken over in the meantime writes it himself.
    async fn keep(&self) -> Result<(), TenantError> {
        let types = self.progress.types();
        let id = self.tenant.tenant_id;
        self.ledger.keep_sweep(id, self.owner, &types).await?;
        Ok(())
    }

    /// Writes on the status page what keeps the type from being swept, or that nothing does any more.
    pub(super) async fn note(
        &self,
        of: ContentType,
        known: &Subscription,
        result: &Result<(), TenantError>,
        healthy: bool,
    ) -> Result<(), TenantError> {
        let (id, now) = (self.tenant.tenant_id, self.clock.now());
        match result {
            // The subscription does not run: why its start failed says more than that.
            Err(TenantError::Listing { error, .. })
                if error.disposition() == Disposition::Disabled => {}
            Err(error) => {
                let text = error.to_string();
                self.ledger.note_error(id, of, Some(&text), now).await?;
            }
            Ok(()) if healthy && known.last_error.is_some() => {
                self.ledger.note_error(id, of, None, now).await?;
            }
            Ok(()) => {}
        }
        Ok(())
    }
}

/// Counts what Microsoft lists with an address or an id that it should not have.
fn count_odd(page: &ContentListing) {
    let odd = page.readdressed_count + page.rejected_count;
    if odd > 0 {
        metrics::count(metrics::name::LISTED_CONTENT_REFUSED, odd as u64);
    }
}

/// The days that a window touches: two at most, as it has less than a day.
fn days(window: Window) -> impl Iterator<Item = (Timestamp, Timestamp)> {
    let first = first_moment_of_day(window.start);
    let each = std::iter::successors(Some(first), |day| Some(later(*day, DAY)));
    let each = each.take_while(move |day| *day < window.end);
    each.map(|day| (day, later(day, DAY)))
}

fn first_moment_of_day(at: Timestamp) -> Timestamp {
    let seconds = at.as_second();
    Timestamp::from_second(seconds - seconds.rem_euclid(24 * 3600)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unexpected_addresses_are_counted_like_ids() {
        let captured = metrics::captured::start();
        let page = |readdressed_count, rejected_count| ContentListing {
            readdressed_count,
            rejected_count,
            ..ContentListing::default()
        };
        for page in [page(0, 0), page(3, 0), page(0, 2)] {
            count_odd(&page);
        }
        let name = metrics::name::LISTED_CONTENT_REFUSED.to_owned();
        assert_eq!(captured.take(), [(name, 5)].into());
    }

    #[test]
    fn a_window_over_midnight_touches_both_days() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let found = |start: &str, end: &str| {
            let (start, end) = (at(start), at(end));
            days(Window { start, end }).collect::<Vec<_>>()
        };
        let (first, second) = (at("2026-03-12T00:00:00Z"), at("2026-03-13T00:00:00Z"));
        let third = at("2026-03-14T00:00:00Z");
        assert_eq!(
            found("2026-03-12T11:00:00Z", "2026-03-13T10:00:00Z"),
            [(first, second), (second, third)]
        );
        let one = found("2026-03-12T01:00:00Z", "2026-03-13T00:00:00Z");
        assert_eq!(one, [(first, second)]);
    }
}
