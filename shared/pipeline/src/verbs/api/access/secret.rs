//! Keys as they are written: `ual_{key id}_{64 hex digits}`. The prefix lets scanners of source code find a key that leaked,
//! and the id makes looking one up a single read.

use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::aws::secrets::Versions;
use crate::store::ledger::access::id::KeyId;
use crate::verbs::subscription::webhook::mac;

/// What every key begins with.
const PREFIX: &str = "ual_";

/// Random bytes of a key: 256 bits cannot be guessed, so a plain HMAC is enough and no slow hash is needed.
const RANDOM_BYTES: usize = 32;

/// Separates this use of the webhook's master key from every other.
const PURPOSE: &[u8] = b"ualstream/api-key/v1";

/// A key, as it is shown once and presented ever after.
#[derive(Debug)]
pub(super) struct KeySecret {
    id: KeyId,
    /// The random part, in hex.
    random: SecretString,
}

impl KeySecret {
    /// A new key under this name.
    pub(super) fn random(id: KeyId) -> Self {
        let bytes: [u8; RANDOM_BYTES] = rand::random();
        Self {
            id,
            random: hex::encode(bytes).into(),
        }
    }

    /// Reads a key; `None` for anything else.
    pub(super) fn parse(presented: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(presented).ok()?;
        let (id, random) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let id: KeyId = id.parse().ok()?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_random = random.len() == 2 * RANDOM_BYTES && random.bytes().all(is_digit);
        (is_random && !id.is_root()).then(|| Self {
            id,
            random: random.into(),
        })
    }

    /// Its name.
    pub(super) fn id(&self) -> &KeyId {
        &self.id
    }

    /// As it is written. Shown once.
    pub(super) fn expose(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, self.random.expose_secret())
    }

    /// What is kept of it: its HMAC under the master key, in hex.
    pub(super) fn mac(&self, master: &SecretString) -> String {
        let id = self.id.as_str().as_bytes();
        let random = self.random.expose_secret().as_bytes();
        hex::encode(mac(
            master.expose_secret().as_bytes(),
            PURPOSE,
            &[id, random],
        ))
    }

    /// Whether `kept` is its HMAC under one of the master keys. Each is computed and compared in constant time.
    pub(super) fn is_of(&self, kept: &str, masters: &Versions) -> bool {
        let mut genuine = subtle::Choice::from(0);
        for master in std::iter::once(&masters.current).chain(&masters.previous) {
            genuine |= self.mac(master).as_bytes().ct_eq(kept.as_bytes());
        }
        genuine.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(current: &str, previous: Option<&str>) -> Versions {
        Versions {
            current: current.into(),
            previous: previous.map(Into::into),
        }
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = KeySecret::random(KeyId::random());
        let read = KeySecret::parse(key.expose().as_bytes()).unwrap();
        assert_eq!((read.id(), read.expose()), (key.id(), key.expose()));
        for bad in [
            String::new(),
            "ual_".to_owned(),
            key.expose().to_uppercase(),
            key.expose() + "0",
            format!("ual_root_{}", "0".repeat(64)),
            key.expose().replace("ual_", "ua_"),
        ] {
            assert!(KeySecret::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_known_by_its_mac_under_either_master() {
        let (key, other) = (
            KeySecret::random(KeyId::random()),
            KeySecret::random(KeyId::random()),
        );
        let kept = key.mac(&"old".into());
        assert!(key.is_of(&kept, &versions("old", None)));
        assert!(key.is_of(&kept, &versions("new", Some("old"))));
        assert!(!key.is_of(&kept, &versions("new", None)));
        assert!(!other.is_of(&kept, &versions("old", None)));
    }

    #[test]
    fn a_key_is_not_shown_by_accident() {
        let key = KeySecret::random(KeyId::random());
        let random = key.expose().split('_').next_back().unwrap().to_owned();
        assert!(!format!("{key:?}").contains(&random));
    }
}
