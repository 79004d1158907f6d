//! An access token, as Entra's token endpoint answers it.

use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::claims::Claims;
use crate::transport::{FEED_PERMISSION, json};

/// A token is renewed this long before it expires. Entra's live 60 to 90 minutes.
const RENEW_AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// A token this close to its expiry is no longer sent: clocks differ.
const END_MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// A token without the permission is renewed after this time: consent may have been given meanwhile, and only a new token
/// shows it. As far apart as somebody tries for a tenant without consent: a process that remembered the token for longer would say that
/// consent is missing after another one had seen it given.
pub(crate) const MISSING_PERMISSION_LIFETIME: SignedDuration = SignedDuration::from_secs(30);

/// Longest lifetime believed. Entra cannot be configured for more than 24 h.
const LIFETIME_SECONDS_MAX: i64 = 24 * 60 * 60;

/// Lifetime assumed when the answer does not say: below the 60 minutes that are the shortest Entra gives out.
const LIFETIME_SECONDS_DEFAULT: i64 = 45 * 60;

/// Longest token accepted: most servers refuse a longer header line.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A token and until when it is used.
#[derive(Debug)]
pub(crate) struct Token {
    /// `Bearer …`, marked sensitive, so that it never shows in debug output.
    pub(crate) header: HeaderValue,
    /// Its claims, if it is a readable JWT.
    pub(super) claims: Option<Claims>,
    /// When it was asked for.
    pub(super) asked_at: Timestamp,
    /// From when on a new one is asked for.
    pub(super) renew_at: Timestamp,
    /// From when on it is no longer sent.
    pub(super) ends_at: Timestamp,
}

impl Token {
    /// Whether its claims lack a permission. Of an opaque token this is not known, and false.
    pub(crate) fn lacks(&self, permission: &str) -> bool {
        let claims = self.claims.as_ref();
        claims.is_some_and(|claims| !claims.has_role(permission))
    }

    /// Whether its claims say that it carries a permission. Of an opaque token this is not known, and false.
    pub(super) fn carries(&self, permission: &str) -> bool {
        let claims = self.claims.as_ref();
        claims.is_some_and(|claims| claims.has_role(permission))
    }

    /// The application permissions that it grants; `None` of an opaque one.
    pub(crate) fn roles(&self) -> Option<Vec<String>> {
        self.claims.as_ref().map(Claims::roles)
    }

    /// Reads an answer of either endpoint version. The error says what is wrong and quotes nothing.
    pub(super) fn read(body: &[u8], asked_at: Timestamp) -> Result<Self, String> {
        let answer: TokenAnswer =
            json::parse(body).map_err(|_| "it is not a token answer".to_owned())?;
        let token = answer.access_token;
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Err("its token is empty or longer than 16 KiB".to_owned());
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its token has characters that a header cannot carry".to_owned());
        }
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| "its token does not fit into a header".to_owned())?;
        header.set_sensitive(true);
        let lifetime = seconds(&answer.expires_in)
            .unwrap_or(LIFETIME_SECONDS_DEFAULT)
            .clamp(0, LIFETIME_SECONDS_MAX);
        let lifetime = SignedDuration::from_secs(lifetime);
        let claims = Claims::of(&token);
        let lacks_permission = claims
            .as_ref()
            .is_some_and(|claims| !claims.has_role(FEED_PERMISSION));
        // A lifetime of a few minutes would leave nothing before the usual margins, so they shrink to a quarter of it.
        let mut fresh = (lifetime - RENEW_AHEAD).max(lifetime * 3 / 4);
        if lacks_permission {
            fresh = fresh.min(MISSING_PERMISSION_LIFETIME);
        }
        Ok(Self {
            header,
            claims,
            asked_at,
            renew_at: asked_at.saturating_add(fresh).unwrap_or(asked_at),
            ends_at: asked_at
                .saturating_add(lifetime - END_MARGIN.min(lifetime / 4))
                .unwrap_or(asked_at),
        })
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    /// Seconds: a number, or a text of the v1 endpoint.
    #[serde(default)]
    expires_in: serde_json::Value,
}

fn seconds(value: &serde_json::Value) -> Option<i64> {
    match value {
        serde_json::Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64().or_else(|| other.as_f64().map(|s| s as i64)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads an answer with this `expires_in`: when is its token renewed, and when does it end, in seconds?
    #[track_caller]
    fn check(expires_in: &str, expect: (i64, i64)) {
        let asked_at = Timestamp::UNIX_EPOCH;
        let body = format!(r#"{{"access_token":"opaque","expires_in":{expires_in}}}"#);
        let token = Token::read(body.as_bytes(), asked_at).unwrap();
        let found = (token.renew_at.as_second(), token.ends_at.as_second());
        assert_eq!(found, expect, "{expires_in}");
    }

    #[test]
    fn a_lifetime_of_any_form_is_used_with_a_margin() {
        check("3600", (3300, 3570));
        check("\"3599\"", (3299, 3569));
        check("100", (75, 75));
        check("0", (0, 0));
        check("-5", (0, 0));
        check("null", (2400, 2670));
        check("\"soon\"", (2400, 2670));
        check("1e300", (86_100, 86_370));
    }

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let token = Token::read(br#"{"access_token":"hush"}"#, Timestamp::UNIX_EPOCH).unwrap();
        assert!(!format!("{token:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn no_answer_panics(body in "\\PC{0,80}", lifetime in any::<f64>(), at in -1_000_000_i64..1_000_000) {
            let asked_at = Timestamp::from_second(at).unwrap();
            let _ = Token::read(body.as_bytes(), asked_at);
            let answer = serde_json::json!({"access_token": body, "expires_in": lifetime}).to_string();
            if let Ok(token) = Token::read(answer.as_bytes(), asked_at) {
                prop_assert!(token.renew_at >= asked_at && token.ends_at >= asked_at);
            }
        }
    }
}
