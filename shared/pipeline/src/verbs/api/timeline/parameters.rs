//! What a search for events is asked with.

use jiff::Timestamp;
use office365::TenantId;
use url::form_urlencoded;

use crate::content::event::{Kind, TEXT_CHARS_MAX, Wanted};
use crate::verbs::api::error::ApiError;
use crate::verbs::api::query::{severities, time};
use crate::verbs::timeline::{Cursor, Filter};

/// Events of a page when no limit is named, and at most: a row has about a kilobyte, and Lambda's answer 6 MB.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 200;

/// The parameters, as they were given.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    limit: Option<usize>,
    cursor: Option<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    wanted: Wanted,
}

impl Parameters {
    pub(super) fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parameters = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            // A form sends what was left blank. A blank time is a fault of whoever asks: another period would be searched.
            if value.trim().is_empty() && !["from", "to", "limit"].contains(&&*name) {
                continue;
            }
            if seen.iter().any(|before| *before == name) {
                return Err(ApiError::BadQuery("a parameter", "is given twice"));
            }
            parameters.take(&name, &value)?;
            seen.push(name.into_owned());
        }
        Ok(parameters)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        if value.chars().count() > TEXT_CHARS_MAX && name != "cursor" {
            return Err(ApiError::BadQuery(
                "a parameter",
                "is longer than 200 characters",
            ));
        }
        let wanted = &mut self.wanted;
        match name {
            "limit" => {
                let limit = value.parse::<u16>().ok().filter(|limit| *limit > 0);
                let why = "is no number from 1 up";
                self.limit = Some(limit.ok_or(ApiError::BadQuery("limit", why))?.into());
            }
            "cursor" => self.cursor = Some(value.to_owned()),
            "from" => self.from = Some(time("from", value)?),
            "to" => self.to = Some(time("to", value)?),
            "user" => wanted.ask_for(Kind::User, value),
            "address" => wanted.ask_for(Kind::Address, value),
            "operation" => wanted.ask_for(Kind::Operation, value),
            "session" => wanted.ask_for(Kind::Session, value),
            "class" => wanted.class = Some(value.to_owned()),
            "severity" => wanted.severities = severities(value)?,
            "text" => wanted.text = Some(value.to_owned()),
            _ => {
                let known = "can be limit, cursor, from, to, user, address, operation, class, severity, text and session";
                return Err(ApiError::BadQuery("a parameter", known));
            }
        }
        Ok(())
    }

    pub(super) fn filter(&self, tenant: TenantId) -> Filter {
        Filter {
            tenant,
            from: self.from,
            to: self.to,
            wanted: self.wanted.clone(),
        }
    }

    pub(super) fn cursor(&self, filter: &Filter) -> Result<Option<Cursor>, ApiError> {
        let cursor = self
            .cursor
            .as_deref()
            .map(|text| Cursor::read(text, filter));
        let why = "is none that this search has given";
        cursor
            .transpose()
            .map_err(|_| ApiError::BadQuery("cursor", why))
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT).min(LIMIT_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_sends_is_read() {
        let query = "user=Alex%40contoso.example&address=&severity=high,3&text=a+b&limit=9999";
        let parameters = Parameters::parse(query).unwrap();
        assert_eq!(parameters.limit(), LIMIT_MAX);
        assert_eq!(parameters.wanted.severities, [4, 3]);
        assert_eq!(parameters.wanted.text.as_deref(), Some("a b"));
        assert_eq!(parameters.wanted.terms.len(), 1);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let long = format!("text={}", "x".repeat(TEXT_CHARS_MAX + 1));
        for bad in [
            "limit=0",
            "usr=x",
            "severity=x",
            "from=y",
            "user=a&user=b",
            long.as_str(),
        ] {
            let error = Parameters::parse(bad).unwrap_err();
            assert_eq!(error.kind(), "bad-query", "{bad}");
        }
        let parameters = Parameters::parse("cursor=x").unwrap();
        let tenant = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        assert!(parameters.cursor(&parameters.filter(tenant)).is_err());
    }
}
