//! A finding's story: its events from the timeline, with what the same user, session and address did before and after.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::TenantId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::known;
use crate::clock::{Clock, earlier, later};
use crate::content::event::{Kind, Row, Term, Wanted};
use crate::response::json_response;
use crate::store::detections::FindingRecord;
use crate::verbs::api::Api;
use crate::verbs::api::error::ApiError;
use crate::verbs::api::timeline::{EventView, stores};
use crate::verbs::timeline::{Filter, Hit, Page, search};

/// How long before a finding's first record and after its last one a story looks.
const AROUND: Duration = Duration::from_secs(3600);

/// Events before the first record that a story tells: the latest ones.
const BEFORE_MAX: usize = 50;

/// Events from the first record on that a story tells beside those of the finding: the latest ones.
const AFTER_MAX: usize = 100;

/// Sessions that a story follows: a term each. Most findings have one.
const SESSIONS_MAX: usize = 8;

/// A finding's events in the order of time, with those around it.
#[derive(Serialize, ToSchema)]
pub(in crate::verbs::api) struct Story {
    events: Vec<StoryEvent>,
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    to: Timestamp,
    /// Whether all events of the finding are there, as far as it names them.
    complete: bool,
    /// Whether the same user, session or address did more in this time than is told.
    more: bool,
}

/// An event of a story.
#[derive(Serialize, ToSchema)]
struct StoryEvent {
    #[serde(flatten)]
    event: EventView,
    /// It is one of those that made the finding.
    is_evidence: bool,
    /// What it has in common with the finding: `user`, `session`, `address`.
    shares: Vec<&'static str>,
}

/// Tells a finding's story. The timeline goes back 21 days: of an older finding there is nothing to tell.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant_id}/findings/{finding_id}/story", operation_id = "show_story", tag = "findings",
    params(("tenant_id" = Uuid, Path), ("finding_id" = Uuid, Path)),
    responses((status = 200, body = Story))
)]
pub(in crate::verbs::api) async fn show(
    api: &Api,
    id: TenantId,
    uid: Uuid,
    clock: Clock,
) -> Result<Response<Bytes>, ApiError> {
    let record = known(api, id, uid).await?.record;
    let of = &record.summary;
    // Records have milliseconds, findings seconds.
    let end = later(of.last, Duration::from_secs(1));
    let (from, to) = (earlier(of.first, AROUND), later(end, AROUND));
    let mut same = Same::of(&record);
    let look = Look { api, id, clock };

    let evidence = look.at((of.first, end), &same, Some(&record.records));
    let evidence = evidence.await?;
    same.follow_sessions(&evidence.hits);
    let (before, after) = if same.terms.is_empty() {
        (None, None)
    } else {
        let before = look.at((from, of.first), &same, None);
        let after = look.at((of.first, to), &same, None);
        let (before, after) = futures::try_join!(before, after)?;
        (Some(before), Some(after))
    };
    let named: BTreeSet<&str> = record.records.iter().map(String::as_str).collect();
    let mut told = BTreeSet::new();
    let all = [Some(&evidence), before.as_ref(), after.as_ref()];
    let more = all[1..].iter().flatten().any(|page| page.next.is_some());
    let mut events = Vec::new();
    for hit in all.into_iter().flatten().flat_map(|page| &page.hits) {
        let uid = hit.row.uid.clone().unwrap_or_default();
        // One that both searches found is told once.
        if !told.insert((uid.clone(), hit.id.to_string())) {
            continue;
        }
        events.push(StoryEvent {
            is_evidence: named.contains(&*uid),
            shares: same.shares(&hit.row),
            event: EventView::new(hit.clone(), &[]),
        });
    }
    events.sort_by_key(|of| of.event.time());
    let found = events.iter().filter(|of| of.is_evidence).count();
    let story = Story {
        complete: found >= named.len(),
        events,
        from,
        to,
        more,
    };
    Ok(json_response(StatusCode::OK, &story))
}

/// Where a story looks.
#[derive(Clone, Copy)]
struct Look<'a> {
    api: &'a Api,
    id: TenantId,
    clock: Clock,
}

impl Look<'_> {
    async fn at(
        self,
        (from, to): (Timestamp, Timestamp),
        same: &Same,
        records: Option<&[String]>,
    ) -> Result<Page, ApiError> {
        let filter = Filter {
            tenant: self.id,
            from: Some(from),
            to: Some(to),
            wanted: Wanted {
                any: same.terms.clone(),
                records: records.map(|records| records.iter().cloned().collect()),
                ..Wanted::default()
            },
        };
        let limit = match records {
            Some(records) => records.len().max(1),
            None if to <= same.first => BEFORE_MAX,
            None => AFTER_MAX,
        };
        Ok(search(stores(self.api), &filter, limit, None, self.clock).await?)
    }
}

/// What events of a story have in common with its finding.
struct Same {
    first: Timestamp,
    terms: Vec<Term>,
}

impl Same {
    fn of(record: &FindingRecord) -> Self {
        let of = &record.summary;
        let user = of.user.as_ref().map(|user| Term::new(Kind::User, user));
        let address = of.address.as_ref();
        let address = address.map(|address| Term::new(Kind::Address, address));
        Self {
            first: of.first,
            terms: user.into_iter().chain(address).collect(),
        }
    }

    /// Sessions of the finding's own events are followed, too.
    fn follow_sessions(&mut self, hits: &[Hit]) {
        let sessions: BTreeSet<&str> = hits
            .iter()
            .filter_map(|hit| hit.row.session.as_deref())
            .collect();
        let sessions = sessions.into_iter().take(SESSIONS_MAX);
        self.terms
            .extend(sessions.map(|session| Term::new(Kind::Session, session)));
    }

    fn shares(&self, row: &Row) -> Vec<&'static str> {
        let there = [
            ("user", Kind::User, &row.user),
            ("session", Kind::Session, &row.session),
            ("address", Kind::Address, &row.address),
        ];
        let is_same = |kind, text: &str| self.terms.contains(&Term::new(kind, text));
        let shared = there.into_iter().filter_map(|(name, kind, text)| {
            text.as_deref().filter(|text| is_same(kind, text))?;
            Some(name)
        });
        shared.collect()
    }
}
