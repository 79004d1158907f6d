//! Query parameters, whose names Microsoft reads in any case.

use url::form_urlencoded;

/// Parameters of one request at most; the API has six.
const PARAMETERS_MAX: usize = 64;

#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(query: &str) -> Self {
        Self(
            form_urlencoded::parse(query.as_bytes())
                .take(PARAMETERS_MAX)
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The value of a parameter, unless it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(of, value)| of.eq_ignore_ascii_case(name) && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The first name that is none of `known`.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0
            .iter()
            .map(|(name, _)| name.as_str())
            .find(|name| !known.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_in_any_case() {
        let query = Query::parse("ContentType=Audit.General&STARTTIME=&x=1");
        assert_eq!(query.get("contenttype"), Some("Audit.General"));
        assert_eq!(query.get("startTime"), None);
        assert_eq!(query.unknown(&["contentType", "startTime"]), Some("x"));
    }

    proptest! {
        #[test]
        fn any_query_is_read(text in "\\PC{0,200}") {
            let query = Query::parse(&text);
            prop_assert!(query.get("contentType").is_none_or(|value| !value.is_empty()));
            prop_assert_ne!(query.unknown(&["contentType"]), Some("contentType"));
        }
    }
}
