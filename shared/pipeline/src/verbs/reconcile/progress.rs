//! How far a sweep under way has come: kept beside it, because one that hangs is stopped from outside and must not take what
//! it did with it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use office365::ContentType;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::report::Report;
use super::trouble::TenantError;
use crate::clock::Hour;
use crate::store::ledger::blob::HourOfBlobs;
use crate::store::ledger::key::BlobHour;
use crate::store::ledger::sweep::{Activity, Lags, TypeSweep};

/// Hours of which is told how long their blobs took: those that every sweep reads.
const LAG_HOURS: usize = 3;

/// What a sweep has done so far.
#[derive(Debug)]
pub(super) struct Progress(Mutex<Done>);

#[derive(Debug)]
struct Done {
    at: Instant,
    types: BTreeMap<ContentType, TypeSweep>,
    report: Report,
    answered: bool,
    /// Hours whose blobs were counted, so that none counts twice.
    counted: HashSet<BlobHour>,
    events: BTreeMap<Hour, u64>,
    lags: BTreeMap<Hour, Lags>,
    error: Option<TenantError>,
}

/// How the work ended.
#[derive(Debug)]
pub(super) enum Watched<T> {
    /// By itself.
    Ended(T),
    /// Nothing moved any more.
    Stalled,
    /// Its time was over while it moved.
    OutOfTime,
}

impl Progress {
    pub(super) fn of(types: BTreeMap<ContentType, TypeSweep>) -> Self {
        Self(Mutex::new(Done {
            at: Instant::now(),
            types,
            report: Report::default(),
            answered: false,
            counted: HashSet::new(),
            events: BTreeMap::new(),
            lags: BTreeMap::new(),
            error: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Done> {
        // Nothing in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something moved.
    pub(super) fn touch(&self) {
        self.lock().at = Instant::now();
    }

    /// Microsoft has answered a call.
    pub(super) fn note_answer(&self) {
        let mut done = self.lock();
        done.at = Instant::now();
        done.answered = true;
    }

    /// Whether Microsoft has answered a call.
    pub(super) fn has_answer(&self) -> bool {
        self.lock().answered
    }

    /// Counts the events of an hour, and how long its blobs took.
    pub(super) fn see(&self, of: BlobHour, hour: &HourOfBlobs) {
        let mut done = self.lock();
        if !done.counted.insert(of) {
            return;
        }
        let counts = hour.blobs.iter().filter_map(|blob| blob.counts);
        let events: u64 = counts.map(|counts| counts.written + counts.routed).sum();
        *done.events.entry(of.hour).or_insert(0) += events;
        let mut lags = Lags::default();
        for blob in &hour.blobs {
            if let Some(at) = blob.done_at {
                let took = at.duration_since(blob.blob.content_created);
                lags.count(took.as_secs());
            }
        }
        done.lags.entry(of.hour).or_default().add(&lags);
    }

    /// What was seen of the tenant, after what was seen before: events of the hours that this sweep has read, and how long the
    /// blobs took.
    pub(super) fn activity(&self, before: &Activity) -> Activity {
        let done = self.lock();
        let mut seen = before.clone();
        for (hour, events) in &done.events {
            seen.note_events(*hour, *events);
        }
        // A sweep that came to no hour, because Microsoft refused it, knows nothing new.
        if !done.lags.is_empty() {
            seen.lags = Lags::default();
        }
        // A pass looks at older hours too, which say nothing of now.
        for lags in done.lags.values().rev().take(LAG_HOURS) {
            seen.lags.add(lags);
        }
        (seen.open, seen.oldest_open) = (done.report.open, done.report.oldest_open);
        seen
    }

    /// Counts something.
    pub(super) fn count(&self, part: Report) {
        let mut done = self.lock();
        done.at = Instant::now();
        done.report.add(part);
    }

    /// What was counted.
    pub(super) fn report(&self) -> Report {
        self.lock().report
    }

    /// Something failed. The first failure is told, unless a later one says more of the tenant: that all its calls fail, or that
    /// Microsoft asks for a longer wait, which would be forgotten otherwise.
    pub(super) fn fail(&self, error: TenantError) {
        let says = |error: &TenantError| error.of_tenant().map(|(_, wait)| wait);
        let told = &mut self.lock().error;
        if told.as_ref().is_none_or(|told| says(told) < says(&error)) {
            *told = Some(error);
        }
    }

    /// The failure that is told.
    pub(super) fn take_error(&self) -> Option<TenantError> {
        self.lock().error.take()
    }

    /// How far a content type is.
    pub(super) fn of_type(&self, of: ContentType) -> TypeSweep {
        self.lock().types.get(&of).cloned().unwrap_or_default()
    }

    /// Notes which content types the tenant is registered for, and since when the new ones are to be listed: the first of all
    /// since `known_at`. One that has come back begins anew; one that was stopped is kept until its last certificate is written.
    pub(super) fn only(
        &self,
        registered: &[ContentType],
        certified_until: Option<Timestamp>,
        (known_at, now): (Timestamp, Timestamp),
    ) {
        let mut done = self.lock();
        let since = if done.types.is_empty() { known_at } else { now };
        done.types.retain(|of, swept| {
            let is_registered = registered.contains(of);
            let has_come_back = is_registered && swept.stopped;
            swept.stopped = !is_registered;
            !has_come_back && (is_registered || swept.watermark > certified_until)
        });
        for of in registered {
            done.types.entry(*of).or_insert_with(|| TypeSweep {
                begun_until: Some(since),
                ..TypeSweep::default()
            });
        }
    }

    /// Changes how far a content type is.
    pub(super) fn change(&self, of: ContentType, change: impl FnOnce(&mut TypeSweep)) {
        let mut done = self.lock();
        done.at = Instant::now();
        change(done.types.entry(of).or_default());
    }

    /// How far all content types are.
    pub(super) fn types(&self) -> BTreeMap<ContentType, TypeSweep> {
        self.lock().types.clone()
    }

    /// Whether anything was listed to its end since `before`, or found.
    pub(super) fn has_moved(&self, before: &BTreeMap<ContentType, TypeSweep>) -> bool {
        let done = self.lock();
        let far = |of: &TypeSweep| (of.watermark, of.day.clone(), of.week.clone());
        let has_moved = |(of, swept): (&ContentType, &TypeSweep)| {
            far(swept) != before.get(of).map(far).unwrap_or_default()
        };
        done.report.found_something() || done.types.iter().any(has_moved)
    }

    /// Runs `work` until `stop_at`, or until nothing has moved for `stalled`.
    pub(super) async fn watch<T>(
        &self,
        work: impl Future<Output = T>,
        stalled: Duration,
        stop_at: Instant,
    ) -> Watched<T> {
        let still = async {
            loop {
                let until = self.lock().at + stalled;
                if until <= Instant::now() {
                    return;
                }
                sleep_until(until).await;
            }
        };
        let watched = async {
            tokio::select! {
                biased;
                ended = work => Watched::Ended(ended),
                () = still => Watched::Stalled,
            }
        };
        timeout_at(stop_at, watched)
            .await
            .unwrap_or(Watched::OutOfTime)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const STALLED: Duration = Duration::from_secs(20);

    fn progress() -> Progress {
        Progress::of(BTreeMap::new())
    }

    #[test]
    fn a_sweep_that_was_refused_keeps_what_was_seen() {
        let mut before = Activity::default();
        before.lags.count(4);
        assert_eq!(progress().activity(&before).lags, before.lags);
    }

    #[test]
    fn a_type_that_comes_back_begins_anew() {
        let [mail, files] = [ContentType::AuditExchange, ContentType::AuditSharePoint];
        let at = |hour: i64| Timestamp::from_second(hour * 3600).ok();
        let swept = TypeSweep {
            watermark: at(9),
            ..TypeSweep::default()
        };
        let progress = Progress::of(BTreeMap::from([(mail, swept.clone()), (files, swept)]));
        let only = |types: &[ContentType], certified| {
            progress.only(types, certified, (at(1).unwrap(), at(10).unwrap()));
        };
        only(&[mail], at(5));
        let kept = progress.of_type(files);
        assert_eq!((kept.watermark, kept.stopped), (at(9), true));
        only(&[mail, files], at(5));
        let anew = TypeSweep {
            begun_until: at(10),
            ..TypeSweep::default()
        };
        assert_eq!(progress.of_type(files), anew);
        assert_eq!(progress.of_type(mail).watermark, at(9));
        only(&[files], at(9));
        assert!(!progress.types().contains_key(&mail), "certified");
    }

    #[test]
    fn the_first_types_are_owed_since_the_registration() {
        let (mail, at) = (ContentType::AuditExchange, Timestamp::from_second);
        let (known, now) = (at(1).unwrap(), at(9).unwrap());
        let progress = progress();
        progress.only(&[mail], None, (known, now));
        assert_eq!(progress.of_type(mail).begun_until, Some(known));
        let later = ContentType::AuditGeneral;
        progress.only(&[mail, later], None, (known, now));
        assert_eq!(progress.of_type(later).begun_until, Some(now));
        assert_eq!(progress.of_type(mail).begun_until, Some(known));
    }

    #[test]
    fn a_sweep_moves_when_a_window_ends_or_a_blob_is_found() {
        let mail = ContentType::AuditExchange;
        let before = BTreeMap::from([(mail, TypeSweep::default())]);
        let progress = Progress::of(before.clone());
        progress.change(mail, |swept| swept.narrowed = 1);
        assert!(!progress.has_moved(&before));
        progress.change(mail, |swept| swept.watermark = Some(Timestamp::UNIX_EPOCH));
        assert!(progress.has_moved(&before));
        let progress = Progress::of(before.clone());
        progress.count(Report {
            unknown: 1,
            ..Report::default()
        });
        assert!(progress.has_moved(&before));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_is_stopped_after_twenty_seconds() {
        let (progress, begun) = (progress(), Instant::now());
        let work = std::future::pending::<()>();
        let watched = progress.watch(work, STALLED, begun + STALLED * 9).await;
        assert!(matches!(watched, Watched::Stalled), "{watched:?}");
        assert!(begun.elapsed() < STALLED + Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn work_that_moves_has_its_whole_time() {
        let (progress, begun) = (progress(), Instant::now());
        let work = async {
            loop {
                sleep(STALLED - Duration::from_secs(1)).await;
                progress.touch();
            }
        };
        let watched: Watched<()> = progress.watch(work, STALLED, begun + STALLED * 9).await;
        assert!(matches!(watched, Watched::OutOfTime), "{watched:?}");
        assert_eq!(begun.elapsed(), STALLED * 9);
    }
}
