//! The tokens we issue. They carry the claims of an app-only token of Entra and are signed with a key of our own: whoever starts an emulator with the same seed recognises them.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest token looked at; Entra's are some 2 KB.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) aud: String,
    pub(crate) iss: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    pub(crate) appid: Uuid,
    /// "1" after a secret, "2" after a certificate.
    pub(crate) appidacr: String,
    pub(crate) idp: String,
    pub(crate) oid: Uuid,
    /// Absent when nothing was consented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    /// The permissions of a token for a person, instead of roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scp: Option<String>,
    pub(crate) sub: Uuid,
    pub(crate) tid: Uuid,
    pub(crate) uti: String,
    pub(crate) ver: String,
}

impl Claims {
    /// Roles and scopes together.
    pub(crate) fn permissions(&self) -> Vec<&str> {
        let scopes = self.scp.iter().flat_map(|scp| scp.split(' '));
        self.roles
            .iter()
            .map(String::as_str)
            .chain(scopes)
            .filter(|permission| !permission.is_empty())
            .collect()
    }
}

/// Signs a token.
pub(crate) fn encode(key: &[u8; 32], claims: &Claims) -> String {
    let header = Header {
        kid: Some("emulator".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    // Our claims serialize and the key has the right length; an empty token would show at once if not.
    EncodingKey::from_secret(key)
        .and_then(|key| jsonwebtoken::encode(&header, claims, &key))
        .unwrap_or_default()
}

/// The claims of a token that [`encode()`] made with the same key. Times and audience are not checked.
pub(crate) fn decode(key: &[u8; 32], token: &str) -> Option<Claims> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    // The library compares times with the system's clock, but ours can be moved; and the journal names the tenant of an expired token too.
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(key).ok()?;
    let token = jsonwebtoken::decode(token, &key, &validation).ok()?;
    Some(token.claims)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims() -> Claims {
        Claims {
            aud: "https://manage.office.com".to_owned(),
            iss: "https://sts.windows.net/x/".to_owned(),
            iat: 1,
            nbf: 1,
            exp: 2,
            appid: Uuid::nil(),
            appidacr: "1".to_owned(),
            idp: "https://sts.windows.net/x/".to_owned(),
            oid: Uuid::nil(),
            roles: vec!["ActivityFeed.Read".to_owned()],
            scp: None,
            sub: Uuid::nil(),
            tid: Uuid::max(),
            uti: "u".to_owned(),
            ver: "1.0".to_owned(),
        }
    }

    #[test]
    fn a_token_is_read_only_with_its_own_key() {
        let token = encode(&[1; 32], &claims());
        assert_eq!(decode(&[1; 32], &token), Some(claims()));
        assert_eq!(decode(&[2; 32], &token), None);
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = encode(&[1; 32], &claims());
        for position in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            // The last character of base64 carries unused bits that the decoder refuses or that change nothing else.
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(decode(&[1; 32], &changed), None, "at {position}");
        }
        assert_eq!(decode(&[1; 32], ""), None);
        assert_eq!(decode(&[1; 32], "a.b"), None);
    }

    proptest! {
        #[test]
        fn random_text_is_no_token(text in "[A-Za-z0-9_.-]{0,300}|\\PC{0,100}") {
            prop_assert_eq!(decode(&[7; 32], &text), None);
        }
    }
}
