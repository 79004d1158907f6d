//! The tokens we issue. They carry the claims of an app-only token of Entra and are signed with a key of our own: whoever starts an emulator with the same seed recognises them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
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
    /// The permissions, of whichever kind.
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

fn sign(key: &[u8; 32], signed: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(signed.as_bytes());
    Some(mac)
}

/// A signed token.
pub(crate) fn write(key: &[u8; 32], claims: &Claims) -> String {
    let header = URL_SAFE_NO_PAD.encode(br#"{"typ":"JWT","alg":"HS256","kid":"emulator"}"#);
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap_or_default());
    let signed = format!("{header}.{payload}");
    let signature = sign(key, &signed)
        .map(|mac| mac.finalize().into_bytes())
        .unwrap_or_default();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The claims of a token that [`write()`] made with the same key. Times are not looked at.
pub(crate) fn read(key: &[u8; 32], token: &str) -> Option<Claims> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (_, payload) = signed.split_once('.')?;
    sign(key, signed)?
        .verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?)
        .ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
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
    fn a_token_is_read_with_its_own_key_only() {
        let token = write(&[1; 32], &claims());
        assert_eq!(read(&[1; 32], &token), Some(claims()));
        assert_eq!(read(&[2; 32], &token), None);
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = write(&[1; 32], &claims());
        for position in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            // The last character of base64 carries unused bits that the decoder refuses or that change nothing else.
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("ASCII");
            assert_eq!(read(&[1; 32], &changed), None, "at {position}");
        }
        assert_eq!(read(&[1; 32], ""), None);
        assert_eq!(read(&[1; 32], "a.b"), None);
    }
}
