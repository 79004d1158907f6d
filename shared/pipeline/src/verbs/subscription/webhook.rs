//! The webhook's address, and the `Webhook-AuthID` that makes a call to it believable.
//!
//! Microsoft signs nothing, but sends back the authId that the subscription was started with. Ours is
//! `v<key>.<mac>`: a MAC over tenant and content type, so that an authId that leaks opens one subscription's door and no
//! other, and the receiver can check it without looking anything up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use office365::{ContentType, TenantId, Webhook};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::aws::secrets::Versions;

/// Shortest master key accepted, in bytes: 32 is the output of HMAC-SHA256, and RFC 2104 advises no less.
pub const KEY_BYTES_MIN: usize = 32;

/// Path below the base address; tenant and content type follow.
pub const NOTIFICATIONS_PATH: &str = "/v1/notifications";

/// Longest authId looked at, in bytes: ours have 53; the rest is noise from the Internet.
pub const AUTH_ID_BYTES_MAX: usize = 256;

/// Separates this use of the key from every other (a MAC for one purpose is worthless for another).
const PURPOSE: &[u8] = b"ualstream/webhook-auth-id/v1";

/// Bytes of the key's fingerprint in an authId: enough to tell two keys apart, too few to say anything of the key.
const FINGERPRINT_BYTES: usize = 4;

/// The key is too short to be safe.
#[derive(Debug, thiserror::Error)]
#[error(
    "the webhook key has {bytes} bytes, {KEY_BYTES_MIN} are the least: let Secrets Manager generate it"
)]
pub struct ShortKey {
    bytes: usize,
}

/// Checks that every version of the key is long enough.
///
/// # Errors
/// [`ShortKey`] for the first that is not.
pub fn check_keys(keys: &Versions) -> Result<(), ShortKey> {
    for key in std::iter::once(&keys.current).chain(&keys.previous) {
        let bytes = key.expose_secret().len();
        if bytes < KEY_BYTES_MIN {
            return Err(ShortKey { bytes });
        }
    }
    Ok(())
}

/// The authId of one subscription under one key: `v` + 8 hex digits of the key's fingerprint + `.` + base64url of
/// HMAC-SHA256(key, purpose, tenant, content type).
#[must_use]
pub fn auth_id(key: &SecretString, tenant: TenantId, content_type: ContentType) -> SecretString {
    let key = key.expose_secret().as_bytes();
    let fingerprint = Sha256::new()
        .chain_update(PURPOSE)
        .chain_update(b"/fingerprint\0")
        .chain_update(key)
        .finalize();
    let (tenant, content_type) = (tenant.to_string(), content_type.as_str());
    let mac = mac(key, PURPOSE, &[tenant.as_bytes(), content_type.as_bytes()]);
    let version = hex::encode(&fingerprint[..FINGERPRINT_BYTES]);
    format!("v{version}.{}", URL_SAFE_NO_PAD.encode(mac)).into()
}

/// HMAC-SHA256 of a purpose and of parts, each with its length before it: no two lists of parts are the same bytes, and a MAC
/// for one purpose is worthless for another.
pub(in crate::verbs) fn mac(key: &[u8], purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length, so there is no error to handle; an empty one is refused by `check_keys`.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        unreachable!("HMAC-SHA256 accepts a key of any length (RFC 2104)")
    };
    for part in std::iter::once(&purpose).chain(parts) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Whether `presented` is the authId of this subscription under the current or the previous key. Both are always
/// computed and compared in constant time.
#[must_use]
pub fn is_authentic(
    presented: &[u8],
    keys: &Versions,
    tenant: TenantId,
    content_type: ContentType,
) -> bool {
    if presented.len() > AUTH_ID_BYTES_MAX {
        return false;
    }
    let mut authentic = subtle::Choice::from(0);
    for key in std::iter::once(&keys.current).chain(&keys.previous) {
        let expected = auth_id(key, tenant, content_type);
        authentic |= expected.expose_secret().as_bytes().ct_eq(presented);
    }
    authentic.into()
}

/// What a subscription is started with: the address `{base}/v1/notifications/{tenant}/{content type}` and its authId
/// under the current key.
#[must_use]
pub fn registration(
    base: &Url,
    keys: &Versions,
    tenant: TenantId,
    content_type: ContentType,
) -> Webhook {
    let mut address = base.clone();
    let prefix = base.path().trim_end_matches('/');
    address.set_path(&format!(
        "{prefix}{NOTIFICATIONS_PATH}/{tenant}/{content_type}"
    ));
    Webhook {
        address,
        auth_id: auth_id(&keys.current, tenant, content_type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(last: char) -> TenantId {
        format!("11111111-2222-4333-8444-55555555555{last}")
            .parse()
            .unwrap()
    }

    fn keys(current: &str, previous: Option<&str>) -> Versions {
        Versions {
            current: current.repeat(8).into(),
            previous: previous.map(|key| key.repeat(8).into()),
        }
    }

    fn check(presented_under: &str, of: (char, ContentType), keys: &Versions, expect: bool) {
        let presented = auth_id(&presented_under.repeat(8).into(), tenant(of.0), of.1);
        let authentic = is_authentic(
            presented.expose_secret().as_bytes(),
            keys,
            tenant('0'),
            ContentType::AuditExchange,
        );
        assert_eq!(authentic, expect, "{presented_under} {of:?}");
    }

    #[test]
    fn an_auth_id_opens_its_own_subscription_only() {
        let keys = keys("newkey", Some("oldkey"));
        check("newkey", ('0', ContentType::AuditExchange), &keys, true);
        check("oldkey", ('0', ContentType::AuditExchange), &keys, true);
        check("gone-key", ('0', ContentType::AuditExchange), &keys, false);
        check("newkey", ('1', ContentType::AuditExchange), &keys, false);
        check("newkey", ('0', ContentType::AuditGeneral), &keys, false);
    }

    #[test]
    fn junk_is_refused_without_a_panic() {
        let keys = keys("newkey", None);
        for junk in ["", "v1.", "v0.AAAA", "\u{0}", &"x".repeat(100_000)] {
            assert!(!is_authentic(
                junk.as_bytes(),
                &keys,
                tenant('0'),
                ContentType::AuditExchange
            ));
        }
    }

    #[test]
    fn an_auth_id_looks_as_documented_and_stays_the_same() {
        // Pinned: a change of the derivation would make every registered webhook fail until it is healed.
        let id = auth_id(
            &"k".repeat(32).into(),
            tenant('5'),
            ContentType::AuditExchange,
        );
        assert_eq!(
            id.expose_secret(),
            "v391d8c22.WfpGTJjYwO00pt_dchaTmE871JnDr2Cdeq6Lv1W7X2c"
        );
    }

    #[test]
    fn the_address_keeps_a_path_of_the_base() {
        let base = Url::parse("https://hooks.example/ual/").unwrap();
        let webhook = registration(
            &base,
            &keys("newkey", None),
            tenant('0'),
            ContentType::DlpAll,
        );
        assert_eq!(
            webhook.address.as_str(),
            "https://hooks.example/ual/v1/notifications/11111111-2222-4333-8444-555555555550/DLP.All"
        );
    }

    #[test]
    fn a_short_key_is_refused() {
        let short = Versions {
            current: "short".into(),
            previous: None,
        };
        assert!(check_keys(&short).is_err());
        assert!(check_keys(&keys("12345678", None)).is_ok());
    }
}
