//! The claims of an access token. For diagnosis only, and unverified: Microsoft may make its tokens opaque at any time.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::names::TenantId;

/// The claims that are looked at. One that is missing or of another type counts as absent.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Claims {
    #[serde(default)]
    tid: serde_json::Value,
    #[serde(default)]
    aud: serde_json::Value,
    #[serde(default)]
    roles: serde_json::Value,
}

impl Claims {
    /// Reads the payload of a JWT; `None` for any other token.
    pub(super) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, payload) = (parts.next()?, parts.next()?);
        let json = BASE64_URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Whether the token grants this application permission.
    pub(crate) fn has_role(&self, permission: &str) -> bool {
        self.roles
            .as_array()
            .is_some_and(|roles| roles.iter().any(|role| role.as_str() == Some(permission)))
    }

    /// Every application permission that the token grants.
    pub(super) fn roles(&self) -> Vec<String> {
        let roles = self.roles.as_array().into_iter().flatten();
        roles
            .filter_map(|role| role.as_str().map(str::to_owned))
            .collect()
    }

    /// Says if the token is for another tenant than `tenant` or another API than `resource`.
    pub(super) fn mismatch(&self, tenant: TenantId, resource: &str) -> Option<String> {
        if let Some(tid) = self.tid.as_str()
            && tid.parse() != Ok(tenant)
        {
            return Some("was issued for another tenant; check the tenant id".to_owned());
        }
        // A v2 token names the resource's application id instead, which tells nothing of the cloud.
        let is_address = |aud: &&str| aud.starts_with("https://");
        if let Some(aud) = self.aud.as_str().filter(is_address)
            && !aud.trim_end_matches('/').eq_ignore_ascii_case(resource)
        {
            return Some(
                "was issued for another resource; check the cloud and the scope".to_owned(),
            );
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.sig", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn roles_are_read() {
        let claims = Claims::of(&token(r#"{"roles":["ActivityFeed.Read"]}"#)).unwrap();
        assert!(claims.has_role("ActivityFeed.Read"));
        assert!(!claims.has_role("ActivityFeed.ReadDlp"));
        assert!(
            !Claims::of(&token("{}"))
                .unwrap()
                .has_role("ActivityFeed.Read")
        );
        assert!(
            !Claims::of(&token(r#"{"roles":"ActivityFeed.Read"}"#))
                .unwrap()
                .has_role("x")
        );
    }

    #[test]
    fn an_opaque_token_has_no_claims() {
        for text in ["", "opaque", "a.b.c", "a.!!.c", "..", "a.e30"] {
            let claims = Claims::of(text);
            assert!(claims.is_none_or(|claims| claims.tid.is_null()), "{text:?}");
        }
    }

    #[track_caller]
    fn check(claims: &str, wrong: bool) {
        let tenant = "41463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
        let mismatch = Claims::of(&token(claims))
            .unwrap()
            .mismatch(tenant, "https://manage.office.com");
        assert_eq!(mismatch.is_some(), wrong, "{claims}");
    }

    #[test]
    fn a_token_for_another_tenant_or_resource_is_noticed() {
        check(
            r#"{"tid":"41463F53-8812-40f4-890f-865bf6e35190","aud":"https://manage.office.com/"}"#,
            false,
        );
        check(r#"{"aud":"c5393580-f805-4401-95e8-94b7a6ef2fc2"}"#, false);
        check("{}", false);
        check(r#"{"tid":"11463f53-8812-40f4-890f-865bf6e35190"}"#, true);
        check(r#"{"aud":"https://graph.microsoft.com"}"#, true);
    }
}
