//! The parameter `state` of a consent link: which link it is and when it ends, signed.
//!
//! `{consent id}.{end in seconds}.{mac}`. The MAC is HMAC-SHA256, as base64url, under a key that is itself an HMAC of the webhook's
//! master key for this purpose alone: neither can an authId be taken for a state, nor a state for an authId. It is checked before
//! anything is looked up, so a guessed state costs no read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::aws::secrets::Versions;
use crate::store::ledger::consent::id::ConsentId;

/// Separates this use of the master key from every other.
const PURPOSE: &[u8] = b"ualstream/consent-state/v1";

/// Longest state looked at, in bytes: ours have 87; the rest is noise from the Internet.
pub(super) const STATE_BYTES_MAX: usize = 128;

/// The state of a link that ends at this time.
pub(super) fn sign(key: &SecretString, id: ConsentId, ends_at: Timestamp) -> String {
    let signed = format!("{id}.{}", ends_at.as_second());
    let own_key = mac(key.expose_secret().as_bytes(), PURPOSE);
    let mac = mac(&own_key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    // HMAC takes keys of every length, so there is no error to handle; a short master key was refused before.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC-SHA256 accepts a key of any length (RFC 2104)")
    };
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The link that a state opens, if it was signed with the current or the previous key. Both are always computed and compared in
/// constant time. When a link ends, its item says.
pub(super) fn open(presented: &str, keys: &Versions) -> Option<ConsentId> {
    if presented.len() > STATE_BYTES_MAX {
        return None;
    }
    let mut parts = presented.split('.');
    let id: ConsentId = parts.next()?.parse().ok()?;
    let ends_at = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
    let mut authentic = subtle::Choice::from(0);
    for key in std::iter::once(&keys.current).chain(&keys.previous) {
        // The whole text, so that there is one spelling only.
        authentic |= sign(key, id, ends_at)
            .as_bytes()
            .ct_eq(presented.as_bytes());
    }
    bool::from(authentic).then_some(id)
}

#[cfg(test)]
mod tests {
    use office365::ContentType;
    use proptest::prelude::*;

    use super::*;
    use crate::verbs::subscription::webhook;

    fn keys(current: &str, previous: Option<&str>) -> Versions {
        Versions {
            current: current.repeat(8).into(),
            previous: previous.map(|key| key.repeat(8).into()),
        }
    }

    fn signed(key: &str) -> (ConsentId, String) {
        let id = ConsentId::random();
        let ends_at = Timestamp::from_second(1_900_000_000).unwrap();
        (id, sign(&key.repeat(8).into(), id, ends_at))
    }

    #[test]
    fn a_state_opens_its_link_under_either_key() {
        let keys = keys("newkey", Some("oldkey"));
        let (id, state) = signed("newkey");
        assert_eq!(state.len(), 87);
        assert_eq!(open(&state, &keys), Some(id));
        let (id, state) = signed("oldkey");
        assert_eq!(open(&state, &keys), Some(id));
        assert_eq!(open(&signed("gone-key").1, &keys), None);
    }

    #[test]
    fn no_changed_letter_is_accepted() {
        let keys = keys("newkey", None);
        let (_, state) = signed("newkey");
        for at in 0..state.len() {
            for letter in ['0', 'A', '.', '='] {
                let mut changed = state.clone();
                changed.replace_range(at..=at, &letter.to_string());
                assert!(
                    changed == state || open(&changed, &keys).is_none(),
                    "{changed}"
                );
            }
        }
        for longer in [
            format!("{state}A"),
            format!("{state}."),
            format!(" {state}"),
        ] {
            assert_eq!(open(&longer, &keys), None);
        }
        let zero = state.replacen(".1900000000.", ".01900000000.", 1);
        assert_eq!(open(&zero, &keys), None, "one spelling only");
    }

    #[test]
    fn an_auth_id_is_no_state() {
        let keys = keys("newkey", None);
        let tenant = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        let auth_id = webhook::auth_id(&keys.current, tenant, ContentType::AuditExchange);
        let mac = auth_id.expose_secret().split('.').next_back().unwrap();
        let (_, state) = signed("newkey");
        let signed = state.rsplit_once('.').unwrap().0;
        assert_eq!(open(&format!("{signed}.{mac}"), &keys), None);
    }

    proptest! {
        #[test]
        fn junk_is_refused_without_a_panic(junk in "\\PC{0,200}") {
            prop_assert_eq!(open(&junk, &keys("newkey", None)), None);
        }
    }
}
