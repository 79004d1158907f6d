//! What a token says about itself. For diagnosis only: Microsoft may make its tokens opaque at any time.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::TenantId;

/// The permission without which nothing works.
pub(crate) const FEED_PERMISSION: &str = "ActivityFeed.Read";

/// The claims looked at. A list or a text that is missing or of another type counts as not said.
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
    /// Reads the middle part of a JWT; `None` for anything else.
    pub(crate) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_, payload) = (parts.next()?, parts.next()?);
        let json = BASE64_URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Whether the token carries this application permission.
    pub(crate) fn has_role(&self, permission: &str) -> bool {
        self.roles
            .as_array()
            .is_some_and(|roles| roles.iter().any(|role| role.as_str() == Some(permission)))
    }

    /// What is plainly wrong with the token for calls on behalf of `tenant` at `resource`, if anything is.
    pub(crate) fn complaint(&self, tenant: TenantId, resource: &str) -> Option<String> {
        if let Some(tid) = self.tid.as_str()
            && tid.parse() != Ok(tenant)
        {
            return Some("was issued for another tenant; check the tenant id".to_owned());
        }
        // The v2 form names the resource's application id instead of its address.
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
    fn an_opaque_token_says_nothing() {
        for text in ["", "opaque", "a.b.c", "a.!!.c", "..", "a.e30"] {
            let claims = Claims::of(text);
            assert!(claims.is_none_or(|claims| claims.tid.is_null()), "{text:?}");
        }
    }

    #[track_caller]
    fn check(claims: &str, wrong: bool) {
        let tenant = "41463f53-8812-40f4-890f-865bf6e35190".parse().unwrap();
        let complaint = Claims::of(&token(claims))
            .unwrap()
            .complaint(tenant, "https://manage.office.com");
        assert_eq!(complaint.is_some(), wrong, "{claims}");
    }

    #[test]
    fn a_token_for_somebody_else_is_noticed() {
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
