//! What a list of findings is asked with.

use url::form_urlencoded;

use crate::store::detections::{FINDINGS_PAGE_MAX, FindingCursor, FindingFilter, FindingState};
use crate::verbs::api::error::ApiError;
use crate::verbs::api::query::{severities, time};

/// Findings of a page when no limit is named.
const LIMIT: usize = 50;

/// Longest name that is compared, in characters.
const NAME_CHARS_MAX: usize = 300;

/// The parameters, as they were given.
#[derive(Debug)]
pub(super) struct Parameters {
    limit: Option<usize>,
    cursor: Option<String>,
    filter: FindingFilter,
}

impl Parameters {
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parameters = Self {
            limit: None,
            cursor: None,
            filter: FindingFilter {
                states: FindingState::OPEN.to_vec(),
                ..FindingFilter::default()
            },
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if value.chars().count() > NAME_CHARS_MAX {
                let why = "is longer than 300 characters";
                return Err(ApiError::BadQuery("a parameter", why));
            }
            parameters.take(&name, value.trim())?;
        }
        Ok(parameters)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        let filter = &mut self.filter;
        let text = Some(value.to_owned()).filter(|text| !text.is_empty());
        match name {
            "limit" => {
                let limit = value.parse::<u16>().ok().filter(|limit| *limit > 0);
                let why = "is no number from 1 up";
                self.limit = Some(limit.ok_or(ApiError::BadQuery("limit", why))?.into());
            }
            "cursor" => self.cursor = text,
            "from" => filter.from = Some(time("from", value)?),
            "to" => filter.to = Some(time("to", value)?),
            "state" => filter.states = states(value)?,
            "severity" if value.is_empty() => {}
            "severity" => filter.severities = severities(value)?,
            "rule" => filter.rule = text,
            "user" => filter.user = text,
            "address" => filter.address = text,
            _ => {
                let known =
                    "can be state, severity, rule, user, address, from, to, limit and cursor";
                return Err(ApiError::BadQuery("a parameter", known));
            }
        }
        Ok(())
    }

    /// Whether only findings are asked for that nobody has closed.
    pub(super) fn is_open(&self) -> bool {
        !self.filter.states.is_empty() && !self.filter.states.contains(&FindingState::Closed)
    }

    pub(super) fn filter(&self) -> FindingFilter {
        self.filter.clone()
    }

    pub(super) fn cursor(&self) -> Result<Option<FindingCursor>, ApiError> {
        let cursor = self.cursor.as_deref().map(str::parse).transpose();
        cursor.map_err(|_| ApiError::BadQuery("cursor", "is none that this list has given"))
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT).min(FINDINGS_PAGE_MAX)
    }
}

fn states(value: &str) -> Result<Vec<FindingState>, ApiError> {
    match value {
        "" | "open" => Ok(FindingState::OPEN.to_vec()),
        "all" => Ok(Vec::new()),
        one => {
            let state = one.parse().map_err(|()| {
                ApiError::BadQuery("state", "is one of open, new, acknowledged, closed, all")
            })?;
            Ok(vec![state])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_state_open_findings_are_listed() {
        let parameters = Parameters::parse("user=&severity=high,critical").unwrap();
        assert!(parameters.is_open());
        assert_eq!(parameters.filter.severities, [4, 5]);
        assert_eq!(parameters.filter.user, None);
        assert!(!Parameters::parse("state=all").unwrap().is_open());
        assert!(!Parameters::parse("state=closed").unwrap().is_open());
        assert_eq!(
            Parameters::parse("limit=999").unwrap().limit(),
            FINDINGS_PAGE_MAX
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for bad in ["state=gone", "severity=x", "limit=0", "from=x", "who=x"] {
            assert_eq!(
                Parameters::parse(bad).unwrap_err().kind(),
                "bad-query",
                "{bad}"
            );
        }
        assert!(Parameters::parse("cursor=x").unwrap().cursor().is_err());
    }
}
