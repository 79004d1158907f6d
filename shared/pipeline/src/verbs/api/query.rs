//! What stands behind the `?` of a request. What is not known there is an error: a misspelt `from` must not mean the whole day.

use jiff::Timestamp;
use office365::{ContentType, TenantId};
use url::form_urlencoded;

use super::error::ApiError;
use super::fleet::standing::State;
use crate::content::event::severity_name;

/// OCSF's severities.
const SEVERITIES: [u32; 8] = [0, 1, 2, 3, 4, 5, 6, 99];

/// The parameters that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) limit: Option<u16>,
    pub(super) cursor: Option<String>,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) content_type: Option<ContentType>,
    /// A part of a name or an id.
    pub(super) search: Option<String>,
    pub(super) state: Option<State>,
    /// `sort=trouble`: who needs somebody first.
    pub(super) by_trouble: bool,
    pub(super) tenant_id: Option<TenantId>,
}

impl Query {
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            match &*name {
                "limit" => {
                    let limit: Option<i32> = value.parse().ok().filter(|limit| *limit > 0);
                    let why = "is no number from 1 to 2147483647";
                    let limit = limit.ok_or(ApiError::BadQuery("limit", why))?;
                    // Each list has a limit of its own below this.
                    query.limit = Some(u16::try_from(limit).unwrap_or(u16::MAX));
                }
                "cursor" => query.cursor = Some(value.into_owned()),
                "from" => query.from = Some(time("from", &value)?),
                "to" => query.to = Some(time("to", &value)?),
                "content_type" => {
                    let of = value.parse().map_err(|_| ApiError::UnknownContentType)?;
                    query.content_type = Some(of);
                }
                "search" => {
                    query.search = Some(value.trim().to_owned()).filter(|of| !of.is_empty());
                }
                "state" => {
                    let mut all = State::ALL.into_iter();
                    let state = all.find(|state| state.as_str() == value);
                    let why = "is one of needs_you, lost, catching_up, waiting, complete";
                    query.state = Some(state.ok_or(ApiError::BadQuery("state", why))?);
                }
                "sort" => {
                    query.by_trouble = value == "trouble";
                    if !query.by_trouble && value != "id" {
                        return Err(ApiError::BadQuery("sort", "is trouble or id"));
                    }
                }
                "tenant_id" => {
                    let id = value.parse().map_err(|_| ApiError::BadTenantId)?;
                    query.tenant_id = Some(id);
                }
                _ => {
                    let known = "can be limit, cursor, from, to, content_type, tenant_id, search, state and sort";
                    return Err(ApiError::BadQuery("a parameter", known));
                }
            }
        }
        Ok(query)
    }

    /// The cursor, as what it stands for.
    pub(super) fn cursor<T: std::str::FromStr>(&self) -> Result<Option<T>, ApiError> {
        let cursor = self.cursor.as_deref().map(str::parse).transpose();
        cursor.map_err(|_| ApiError::BadQuery("cursor", "is none that this list has given"))
    }
}

/// A time in RFC 3339.
pub(super) fn time(name: &'static str, value: &str) -> Result<Timestamp, ApiError> {
    let why = "is no time in RFC 3339, such as 2026-03-01T10:00:00Z";
    value.parse().map_err(|_| ApiError::BadQuery(name, why))
}

/// OCSF's severities by number or name, with commas between them.
pub(super) fn severities(value: &str) -> Result<Vec<u32>, ApiError> {
    let one = |text: &str| {
        let known = |id: &u32| {
            severity_name(*id).eq_ignore_ascii_case(text) || text.parse().ok() == Some(*id)
        };
        SEVERITIES.into_iter().find(known)
    };
    let all: Option<Vec<u32>> = value.split(',').map(|text| one(text.trim())).collect();
    let why =
        "has one that is none of Informational, Low, Medium, High, Critical, Fatal, or 1 to 6";
    all.ok_or(ApiError::BadQuery("severity", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Query, String> {
        Query::parse(text).map_err(|error| error.kind().to_owned())
    }

    #[test]
    fn parameters_are_read_decoded() {
        let query = parse("from=2026-03-01T10%3A00%3A00%2B01%3A00&content_type=dlp.all&limit=7");
        let expect = Query {
            limit: Some(7),
            from: Some("2026-03-01T09:00:00Z".parse().unwrap()),
            content_type: Some(ContentType::DlpAll),
            ..Query::default()
        };
        assert_eq!(query, Ok(expect));
        assert_eq!(parse(""), Ok(Query::default()));
        assert_eq!(parse("limit=2147483646").unwrap().limit, Some(u16::MAX));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for bad in [
            "limit=0",
            "limit=x",
            "state=good",
            "sort=name",
            "from=yesterday",
            "form=2026-03-01",
        ] {
            assert_eq!(parse(bad), Err("bad-query".to_owned()), "{bad}");
        }
        assert_eq!(
            parse("content_type=x"),
            Err("unknown-content-type".to_owned())
        );
        let query = parse("cursor=x").unwrap();
        assert!(query.cursor::<TenantId>().is_err());
    }
}
