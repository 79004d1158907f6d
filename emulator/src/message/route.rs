//! Which operation a path asks for. Paths are read in any case, as Microsoft's are.

use http::Method;

use crate::operation::Operation;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) operation: Operation,
    /// The part of the path where the tenant belongs, as it was sent.
    pub(crate) tenant: String,
    /// What follows the operation: a content id, a control command, a token version.
    pub(crate) rest: String,
}

/// Whether the method fits the operation.
pub(crate) fn method_fits(route: &Route, method: &Method) -> bool {
    match route.operation {
        Operation::Token | Operation::Start | Operation::Stop => method == Method::POST,
        Operation::Control | Operation::Unknown => true,
        _ => method == Method::GET,
    }
}

pub(crate) fn route(path: &str) -> Route {
    let ranges: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let lower: Vec<String> = ranges
        .iter()
        .map(|range| range.to_ascii_lowercase())
        .collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let at = |operation, tenant: usize, rest: &str| Route {
        operation,
        tenant: ranges.get(tenant).copied().unwrap_or_default().to_owned(),
        rest: rest.to_owned(),
    };
    match lower.as_slice() {
        ["_emulator", ..] => at(
            Operation::Control,
            usize::MAX,
            ranges.get(1..).unwrap_or_default().join("/").as_str(),
        ),
        [_, "oauth2", "token"] => at(Operation::Token, 0, "v1"),
        [_, "oauth2", "v2.0", "token"] => at(Operation::Token, 0, "v2"),
        [_, ".well-known", "openid-configuration"] => at(Operation::Discovery, 0, "v1"),
        [_, "v2.0", ".well-known", "openid-configuration"] => at(Operation::Discovery, 0, "v2"),
        [_, "discovery", "instance"] => at(Operation::Discovery, 0, "instance"),
        [_, "discovery", "keys"] | [_, "discovery", "v2.0", "keys"] => {
            at(Operation::Discovery, 0, "keys")
        }
        [_, "adminconsent"] => at(Operation::Consent, 0, "v1"),
        [_, "v2.0", "adminconsent"] => at(Operation::Consent, 0, "v2"),
        [_, "oauth2", "authorize"] => at(Operation::Consent, 0, "legacy"),
        // The paging sample of the documentation shows v1.
        ["api", "v1.0" | "v1", _, "activity", "feed", of @ ..] => match of {
            ["subscriptions", "start"] => at(Operation::Start, 2, ""),
            ["subscriptions", "stop"] => at(Operation::Stop, 2, ""),
            ["subscriptions", "list"] => at(Operation::List, 2, ""),
            ["subscriptions", "content"] => at(Operation::Content, 2, ""),
            ["subscriptions", "notifications"] => at(Operation::Notifications, 2, ""),
            ["resources", "dlpsensitivetypes"] => at(Operation::SensitiveTypes, 2, ""),
            ["audit", _] => at(
                Operation::Blob,
                2,
                ranges.last().copied().unwrap_or_default(),
            ),
            _ => at(Operation::Unknown, 2, path),
        },
        _ => at(Operation::Unknown, usize::MAX, path),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(path: &str, operation: Operation, tenant: &str, rest: &str) {
        let expect = Route {
            operation,
            tenant: tenant.to_owned(),
            rest: rest.to_owned(),
        };
        assert_eq!(route(path), expect, "{path}");
    }

    #[test]
    fn addresses_are_read_in_any_case() {
        check(
            "/api/v1.0/T/activity/feed/subscriptions/start",
            Operation::Start,
            "T",
            "",
        );
        check(
            "/API/V1.0/T/Activity/Feed/Subscriptions/Content",
            Operation::Content,
            "T",
            "",
        );
        check(
            "/api/v1/T/activity/feed/subscriptions/content",
            Operation::Content,
            "T",
            "",
        );
        check(
            "/api/v1.0/T/activity/feed/Audit/A$b$C",
            Operation::Blob,
            "T",
            "A$b$C",
        );
        check("/T/oauth2/v2.0/token", Operation::Token, "T", "v2");
        check(
            "/T/v2.0/.well-known/openid-configuration",
            Operation::Discovery,
            "T",
            "v2",
        );
        check(
            "/common/discovery/v2.0/keys",
            Operation::Discovery,
            "common",
            "keys",
        );
        check(
            "/common/oauth2/authorize",
            Operation::Consent,
            "common",
            "legacy",
        );
        check("/_emulator/published", Operation::Control, "", "published");
    }

    #[test]
    fn other_addresses_are_unknown() {
        for path in [
            "/",
            "/api/v2.0/T/activity/feed/subscriptions/start",
            "/api/v1.0/T/activity/feed/audit/a/b",
            "/T/oauth2/v3.0/token",
        ] {
            assert_eq!(route(path).operation, Operation::Unknown, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_has_a_route(path in "\\PC{0,200}") {
            let route = route(&path);
            prop_assert!(path.contains(&route.tenant));
        }
    }
}
