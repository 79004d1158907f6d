//! All tenants at once: read in parallel from their sixteen partitions, kept for some seconds, searched, filtered, sorted and
//! summed up.
//!
//! Ten thousand tenants with four content types are some 25 MB of items, and 9 MB of sweeps: two or three Queries that follow
//! one another in each of the sixteen partitions, and about 4,500 read units, which is half a dollar for a thousand looks. So
//! one look serves all requests of [`KEPT_FOR`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::TenantId;
use tokio::sync::Mutex;

use super::standing::{Known, Standing, State, standing};
use crate::clock::later;
use crate::store::detections::{Detections, OpenFindings};
use crate::store::ledger::key::SHARDS;
use crate::store::ledger::registry::{Registered, Unreadable};
use crate::store::ledger::sweep::SweepState;
use crate::store::ledger::{Ledger, LedgerError};
use crate::verbs::api::error::ApiError;
use crate::verbs::api::query::Query;

/// How long a look at all tenants serves: a page that asks every few seconds costs four looks a minute, however many people
/// have it open. A change by this API is seen at once, what sweeps note a little later.
const KEPT_FOR: Duration = Duration::from_secs(15);

/// The last look at all tenants.
#[derive(Debug, Default)]
pub struct Fleet {
    tenants: Mutex<Option<Arc<Snapshot>>>,
    findings: Mutex<Option<(Timestamp, Arc<OpenFindings>)>>,
}

/// All tenants at one moment.
#[derive(Debug)]
pub(in crate::verbs::api) struct Snapshot {
    pub(super) as_of: Timestamp,
    /// In the order of their ids.
    pub(super) members: Vec<Member>,
}

/// A tenant of the snapshot.
#[derive(Debug)]
pub(in crate::verbs::api) struct Member {
    pub(in crate::verbs::api) read: Result<Registered, Unreadable>,
    pub(in crate::verbs::api) sweep: Option<SweepState>,
    pub(super) standing: Option<Standing>,
    /// What a search looks into: name and id, in small letters.
    words: String,
}

impl Fleet {
    /// Forgets the last look: something was changed by this very API.
    pub(in crate::verbs::api) async fn forget(&self) {
        *self.tenants.lock().await = None;
    }

    /// Forgets how many findings were open: one was closed by this very API.
    pub(in crate::verbs::api) async fn forget_findings(&self) {
        *self.findings.lock().await = None;
    }

    /// How many findings were open within [`KEPT_FOR`]; none when that cannot be read. How tenants stand does not depend on it.
    pub(in crate::verbs::api) async fn findings(
        &self,
        detections: &Detections,
        now: Timestamp,
    ) -> Option<Arc<OpenFindings>> {
        let mut kept = self.findings.lock().await;
        if let Some((at, findings)) = &*kept
            && serves(*at, now)
        {
            return Some(Arc::clone(findings));
        }
        // On the heap: sixteen Queries at once make a large future, and it is part of those of many requests.
        let counted = Box::pin(detections.count_open()).await;
        let counted = counted.inspect_err(|error| {
            tracing::error!(%error, "open findings are not counted: their table failed");
        });
        let findings = Arc::new(counted.ok()?);
        *kept = Some((now, Arc::clone(&findings)));
        Some(findings)
    }

    /// All tenants, as they were within [`KEPT_FOR`]. Whoever asks meanwhile waits for the one who looks.
    pub(in crate::verbs::api) async fn snapshot(
        &self,
        ledger: &Ledger,
        has_webhook: bool,
        now: Timestamp,
    ) -> Result<Arc<Snapshot>, LedgerError> {
        let mut kept = self.tenants.lock().await;
        if let Some(snapshot) = &*kept
            && serves(snapshot.as_of, now)
        {
            return Ok(Arc::clone(snapshot));
        }
        let snapshot = Arc::new(Snapshot::take(ledger, has_webhook, now).await?);
        *kept = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }
}

impl Snapshot {
    async fn take(ledger: &Ledger, has_webhook: bool, now: Timestamp) -> Result<Self, LedgerError> {
        let shards = stream::iter(SHARDS).map(|shard| async move {
            let mut swept = Vec::new();
            let sweeps = ledger.sweeps(shard, &mut swept);
            let (tenants, ()) = futures::try_join!(ledger.tenants_of(shard), sweeps)?;
            let mut sweeps: HashMap<TenantId, SweepState> = swept
                .into_iter()
                .filter_map(|swept| Some((swept.tenant_id, swept.state.ok()?)))
                .collect();
            let member = |read: Result<Registered, Unreadable>| {
                let sweep = sweeps.remove(&id_of(&read));
                Member::new(read, sweep, has_webhook, now)
            };
            Ok::<Vec<Member>, LedgerError>(tenants.into_iter().map(member).collect())
        });
        let members: Vec<Vec<Member>> = shards.buffered(SHARDS.len()).try_collect().await?;
        Ok(Self {
            as_of: now,
            members: members.into_iter().flatten().collect(),
        })
    }

    /// What the tenant is called, if it is registered.
    pub(in crate::verbs::api) fn name(&self, id: TenantId) -> Option<String> {
        let place = self.members.binary_search_by_key(&id, Member::id).ok()?;
        let registered = self.members[place].read.as_ref().ok()?;
        Some(registered.tenant.name.clone())
    }

    /// A page of the members that the query asks for and that the caller may see, and the cursor of the next one.
    pub(in crate::verbs::api) fn page(
        &self,
        query: &Query,
        limit: usize,
        sees: impl Fn(TenantId) -> bool,
    ) -> Result<(Vec<&Member>, Option<String>), ApiError> {
        let search = query.search.as_deref().map(str::to_lowercase);
        let fits = |member: &&Member| {
            sees(member.id())
                && search
                    .as_ref()
                    .is_none_or(|text| member.words.contains(text))
                && query.state.is_none_or(|state| member.state() == state)
        };
        let mut found: Vec<&Member> = self.members.iter().filter(fits).collect();
        if query.by_trouble {
            found.sort_by(|one, other| one.trouble().cmp(&other.trouble()));
        }
        let start = match &query.cursor {
            None => 0,
            Some(cursor) => after(&found, cursor)?,
        };
        let page: Vec<&Member> = found.iter().skip(start).take(limit).copied().collect();
        let end = start + page.len();
        let last = page.last().filter(|_| end < found.len());
        let next = last.map(|last| format!("{end}.{}", last.id()));
        Ok((page, next))
    }
}

/// Whether a look at this moment serves one who asks now. A clock that was set back makes it old, too.
fn serves(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < later(at, KEPT_FOR)
}

/// Where the page after a cursor begins: after its tenant, or, when that is not there any more, at the place that it had.
fn after(found: &[&Member], cursor: &str) -> Result<usize, ApiError> {
    let bad = || ApiError::BadQuery("cursor", "is none that this list has given");
    let (place, id) = cursor.split_once('.').ok_or_else(bad)?;
    let place: usize = place.parse().map_err(|_| bad())?;
    let id: TenantId = id.parse().map_err(|_| bad())?;
    let at = found.iter().position(|member| member.id() == id);
    Ok(at.map_or(place.saturating_sub(1), |at| at + 1))
}

fn id_of(read: &Result<Registered, Unreadable>) -> TenantId {
    match read {
        Ok(registered) => registered.tenant.tenant_id,
        Err(unreadable) => unreadable.tenant_id,
    }
}

impl Member {
    fn new(
        read: Result<Registered, Unreadable>,
        sweep: Option<SweepState>,
        has_webhook: bool,
        now: Timestamp,
    ) -> Self {
        let standing = read.as_ref().ok().map(|registered| {
            standing(Known {
                registered,
                sweep: sweep.as_ref(),
                has_webhook,
                now,
            })
        });
        let id = id_of(&read);
        let name = read
            .as_ref()
            .map_or("", |registered| registered.tenant.name.as_str());
        Self {
            words: format!("{}\n{id}", name.to_lowercase()),
            standing,
            read,
            sweep,
        }
    }

    pub(super) fn id(&self) -> TenantId {
        id_of(&self.read)
    }

    /// One that cannot be read needs somebody.
    pub(super) fn state(&self) -> State {
        self.standing
            .as_ref()
            .map_or(State::NeedsYou, |of| of.state)
    }

    /// What the list is sorted by: who needs somebody first, then by name.
    fn trouble(&self) -> (State, &str) {
        (self.state(), &self.words)
    }
}
