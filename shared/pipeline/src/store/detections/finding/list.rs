//! Lists of findings, the newest first: a tenant's, or the open ones of all tenants. And how many are open.
//!
//! A list reads an index from where it left off, and filters what it read. So a filter that finds little makes short pages, not
//! long waits: after [`FINDINGS_READ_MAX`] findings a page ends, and the next one goes on.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use office365::TenantId;
use uuid::Uuid;

use super::item::{at, damaged, open_of, pk, place_of, read_listed};
use super::{Detections, DetectionsError, FindingState, ListedFinding};
use crate::aws::AwsError;
use crate::store::detections::schema::{AT, BY_TENANT, OPEN, OPEN_FINDINGS};
use crate::store::ledger::attribute::{Item, get_number, get_text, text};
use crate::store::ledger::key::{PK, SHARDS};

/// Findings of one page.
pub const FINDINGS_PAGE_MAX: usize = 200;

/// Findings that are read for one page: some 2 MB of the index, a second of a Query after another.
pub const FINDINGS_READ_MAX: usize = 5_000;

/// Findings that one Query reads of a partition, once the first Queries were not enough: of some 500 bytes, half of what DynamoDB
/// gives at once.
const QUERY_MAX: usize = 1_000;

/// Open findings that are counted in each of the sixteen partitions: what DynamoDB gives at once. Nobody works off more.
pub const OPEN_COUNTED_MAX: i32 = 2_000;

/// Which findings are listed. What is `None`, or empty, is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// One of these.
    pub states: Vec<FindingState>,
    /// One of these.
    pub severities: Vec<u32>,
    /// Of this rule, by its id.
    pub rule: Option<String>,
    /// Of this user, regardless of case.
    pub user: Option<String>,
    /// From this address.
    pub address: Option<String>,
    /// Whose last record is not before this.
    pub from: Option<Timestamp>,
    /// Whose last record is before this.
    pub to: Option<Timestamp>,
}

/// A page of findings.
#[derive(Debug, Default)]
pub struct FindingPage {
    /// The newest first, by the time of their last record. There may be none although there is a next page.
    pub findings: Vec<ListedFinding>,
    /// Where the next page begins, if there may be one.
    pub next: Option<FindingCursor>,
}

/// A place in a list: that of the last finding that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingCursor(String);

/// Not a cursor of a list of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no cursor of a list of findings")]
pub struct InvalidCursor;

impl Display for FindingCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FindingCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (millis, uid) = text.split_once('.').ok_or(InvalidCursor)?;
        let millis: i64 = millis.parse().map_err(|_| InvalidCursor)?;
        let uid: Uuid = uid.parse().map_err(|_| InvalidCursor)?;
        let last = Timestamp::from_millisecond(millis).map_err(|_| InvalidCursor)?;
        Ok(Self(at(last, &uid.to_string())))
    }
}

/// Findings that nobody has closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenFindings {
    /// By tenant.
    pub tenants: BTreeMap<TenantId, OpenOf>,
    /// There are more than were counted.
    pub and_more: bool,
}

/// How many findings of a tenant nobody has closed, by OCSF's severity, 0 to 5.
pub type OpenOf = [u64; 6];

/// An index, and the partitions of it that are read.
struct Source {
    index: &'static str,
    key: &'static str,
    partitions: Vec<String>,
}

impl Detections {
    /// A page of a tenant's findings: at most `limit`, and at most [`FINDINGS_PAGE_MAX`].
    ///
    /// # Errors
    /// [`DetectionsError`]
    pub async fn findings(
        &self,
        tenant: TenantId,
        filter: &FindingFilter,
        after: Option<FindingCursor>,
        limit: usize,
    ) -> Result<FindingPage, DetectionsError> {
        let source = Source {
            index: BY_TENANT,
            key: PK,
            partitions: vec![pk(tenant)],
        };
        self.list(&source, filter, |_| true, after, limit).await
    }

    /// The same of the open findings of all tenants that are seen.
    ///
    /// # Errors
    /// [`DetectionsError`]
    pub async fn open_findings(
        &self,
        filter: &FindingFilter,
        sees: impl Fn(TenantId) -> bool,
        after: Option<FindingCursor>,
        limit: usize,
    ) -> Result<FindingPage, DetectionsError> {
        let source = Source {
            index: OPEN_FINDINGS,
            key: OPEN,
            partitions: SHARDS.map(open_of).to_vec(),
        };
        self.list(&source, filter, sees, after, limit).await
    }

    async fn list(
        &self,
        source: &Source,
        filter: &FindingFilter,
        sees: impl Fn(TenantId) -> bool,
        mut after: Option<FindingCursor>,
        limit: usize,
    ) -> Result<FindingPage, DetectionsError> {
        let limit = limit.clamp(1, FINDINGS_PAGE_MAX);
        let mut page = FindingPage::default();
        let mut read = 0;
        while read < FINDINGS_READ_MAX {
            // Without a filter that leaves much out, the first Queries have a page.
            let most = if read == 0 { limit + 1 } else { QUERY_MAX };
            let stretch = self.stretch(source, filter, after.as_ref(), most);
            let (items, is_over) = stretch.await?;
            read += items.len();
            for (place, item) in items {
                if page.findings.len() == limit {
                    page.next = after;
                    return Ok(page);
                }
                after = Some(FindingCursor(place));
                // One that cannot be read must not hide the others.
                let listed = read_listed(&item)
                    .inspect_err(|error| tracing::error!(%error, "finding passed over in a list"));
                let wanted = listed
                    .ok()
                    .filter(|of| sees(of.summary.tenant) && filter.wants(of));
                page.findings.extend(wanted);
            }
            if is_over {
                return Ok(page);
            }
        }
        page.next = after;
        Ok(page)
    }

    /// The newest findings after a place, each with its own, and whether there are no others. Of several partitions only as far
    /// as all of them were read.
    async fn stretch(
        &self,
        source: &Source,
        filter: &FindingFilter,
        after: Option<&FindingCursor>,
        most: usize,
    ) -> Result<(Vec<(String, Item)>, bool), DetectionsError> {
        let place = |of: Timestamp| at(of, "");
        let to = filter.to.map(place);
        let before = after.map(|cursor| cursor.0.clone());
        let before = before.into_iter().chain(to).min();
        let from = filter.from.map_or_else(String::new, place);
        let asked = source.partitions.iter().map(|partition| {
            self.query(
                (source, partition.clone()),
                from.clone(),
                before.clone(),
                most,
            )
        });
        let asked: Vec<_> = asked.collect();
        let asked = stream::iter(asked).buffered(SHARDS.len());
        let answers: Vec<(Vec<(String, Item)>, bool)> = asked.try_collect().await?;
        let unread = answers.iter().filter(|(_, is_over)| !is_over);
        // In a partition that goes on, older ones than the last are not known.
        let horizon = unread
            .filter_map(|(items, _)| items.last())
            .map(|(place, _)| place.clone());
        let horizon = horizon.max();
        let mut items: Vec<_> = answers.into_iter().flat_map(|(items, _)| items).collect();
        items.retain(|(place, _)| horizon.as_ref().is_none_or(|horizon| place >= horizon));
        items.sort_by(|(one, _), (other, _)| other.cmp(one));
        Ok((items, horizon.is_none()))
    }

    async fn query(
        &self,
        (source, partition): (&Source, String),
        from: String,
        before: Option<String>,
        most: usize,
    ) -> Result<(Vec<(String, Item)>, bool), DetectionsError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(source.index)
            .expression_attribute_names("#key", source.key)
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":key", text(partition))
            .scan_index_forward(false)
            .limit(i32::try_from(most).unwrap_or(i32::MAX));
        // No place is empty, and none comes after a brace. BETWEEN includes its ends: places are not given twice.
        let last = before.clone().unwrap_or_else(|| "~".to_owned());
        let first = if from.is_empty() {
            "0".to_owned()
        } else {
            from
        };
        let query = query
            .key_condition_expression("#key = :key AND #at BETWEEN :first AND :last")
            .expression_attribute_values(":first", text(&first))
            .expression_attribute_values(":last", text(&last));
        if first > last {
            return Ok((Vec::new(), true));
        }
        let output = query.send().await;
        let output = output.map_err(|error| AwsError::new("dynamodb:Query", &error))?;
        let is_over = output.last_evaluated_key.is_none();
        let placed = output.items.unwrap_or_default().into_iter().map(|item| {
            let place = get_text(&item, AT).map(str::to_owned);
            let place = place.ok_or_else(|| damaged(&item, AT))?;
            Ok::<_, DetectionsError>((place, item))
        });
        let mut placed = placed.collect::<Result<Vec<_>, _>>()?;
        placed.retain(|(place, _)| before.as_ref() != Some(place));
        Ok((placed, is_over))
    }

    /// How many findings of each tenant are open: of each sixteenth of the tenants the newest [`OPEN_COUNTED_MAX`].
    ///
    /// # Errors
    /// [`DetectionsError`]
    pub async fn count_open(&self) -> Result<OpenFindings, DetectionsError> {
        let asked = stream::iter(SHARDS).map(|shard| async move {
            self.client
                .query()
                .table_name(&self.table)
                .index_name(OPEN_FINDINGS)
                .key_condition_expression("#open = :open")
                .projection_expression("#pk, sk, severity_id")
                .expression_attribute_names("#open", OPEN)
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":open", text(open_of(shard)))
                .scan_index_forward(false)
                .limit(OPEN_COUNTED_MAX)
                .send()
                .await
                .map_err(|error| AwsError::new("dynamodb:Query", &error))
        });
        let mut open = OpenFindings::default();
        let mut answers = std::pin::pin!(asked.buffered(SHARDS.len()));
        while let Some(answer) = answers.try_next().await? {
            open.and_more |= answer.last_evaluated_key.is_some();
            for item in answer.items.unwrap_or_default() {
                let Ok((tenant, _)) = place_of(&item) else {
                    continue;
                };
                let severity: usize = get_number(&item, "severity_id").unwrap_or_default();
                let counts = open.tenants.entry(tenant).or_default();
                counts[severity.min(5)] += 1;
            }
        }
        Ok(open)
    }
}

impl FindingFilter {
    fn wants(&self, finding: &ListedFinding) -> bool {
        let of = &finding.summary;
        let is = |wanted: &Option<String>, there: Option<&str>| match wanted {
            None => true,
            Some(wanted) => there.is_some_and(|of| of.to_lowercase() == wanted.to_lowercase()),
        };
        (self.states.is_empty() || self.states.contains(&finding.handling.state))
            && (self.severities.is_empty() || self.severities.contains(&of.severity_id))
            && is(&self.rule, Some(&of.rule_id))
            && is(&self.user, of.user.as_deref())
            && is(&self.address, of.address.as_deref())
    }
}
