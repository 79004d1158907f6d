//! Which names stand for a secret.
//!
//! Sources: Entra's audited properties (`PasswordProfile`, `PasswordCredentials`, `KeyCredentials`,
//! `TemporaryAccessPass`, and the `DeviceToken` and `SecretKey` in `StrongAuthenticationPhoneAppDetail`), Graph's
//! passwordCredential and keyCredential (`secretText`, `key`), the parameters of Exchange's and Teams' cmdlets
//! (`Password`, `Credential`, `AccessKey`, `ClientSecret`), and the DLP schema (`DetectedValues`). Names are compared
//! without case and separators, and a part of a name is enough, because Microsoft adds prefixes freely.

use super::ordinary::is_ordinary;
use memchr::{memchr_iter, memchr2_iter};

/// Parts of names that stand for a secret. In lower case, letters only.
const STEMS: [Stem; 27] = [
    Stem::new(b"accesskey"),
    Stem::new(b"accesspass"),
    Stem::new(b"accesstoken"),
    Stem::new(b"accountkey"),
    Stem::new(b"apikey"),
    Stem::new(b"bearertoken"),
    Stem::new(b"connectionstring"),
    Stem::new(b"credential"),
    Stem::new(b"detectedvalues"),
    Stem::new(b"devicetoken"),
    Stem::new(b"encryptionkey"),
    Stem::new(b"keymaterial"),
    Stem::new(b"masterkey"),
    Stem::new(b"passphrase"),
    Stem::new(b"passwd"),
    Stem::new(b"password"),
    Stem::new(b"privatekey"),
    Stem::new(b"pwd"),
    Stem::new(b"recoverykey"),
    Stem::new(b"refreshtoken"),
    Stem::new(b"sastoken"),
    Stem::new(b"secret"),
    Stem::new(b"seedkey"),
    Stem::new(b"sharedkey"),
    Stem::new(b"signingcertificate"),
    Stem::new(b"symmetrickey"),
    Stem::new(b"keyid"),
];

/// The last of [`STEMS`] is not a secret's name: it means that the object describes a key.
const SECRETS: &[Stem] = STEMS.split_at(STEMS.len() - 1).0;

struct Stem {
    text: &'static [u8],
    letters: u32,
}

impl Stem {
    const fn new(text: &'static [u8]) -> Self {
        Self {
            text,
            letters: letters(text),
        }
    }
}

/// Endings of names that describe a secret and are not one. Analysts need these values.
const ABOUT: &[&[u8]] = &[
    b"changedate",
    b"changed",
    b"count",
    b"createddate",
    b"enddate",
    b"expirationdate",
    b"expirydate",
    b"startdate",
    b"datetime",
    b"description",
    b"enabled",
    b"expiration",
    b"expired",
    b"expires",
    b"expiry",
    // An issuer and a subject that are trusted.
    b"federatedidentitycredential",
    b"federatedidentitycredentials",
    b"history",
    b"id",
    b"identifier",
    b"identifiers",
    b"ids",
    b"length",
    b"lifetime",
    b"method",
    b"methods",
    b"name",
    b"names",
    b"policies",
    b"policy",
    b"required",
    b"reset",
    b"state",
    b"status",
    b"time",
    b"timestamp",
    b"type",
    b"types",
    b"usage",
    b"validfrom",
    b"version",
];

/// Only this many bytes of a longer name are compared: if they name a secret, the value counts as one.
const NAME_BYTES_MAX: usize = 96;

/// A name as it is compared: lower case, ASCII letters and digits.
struct Plain {
    bytes: [u8; NAME_BYTES_MAX],
    len: usize,
}

impl Plain {
    fn of(name: &[u8]) -> Self {
        let mut plain = Self {
            bytes: [0; NAME_BYTES_MAX],
            len: 0,
        };
        let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
        for (slot, byte) in plain.bytes.iter_mut().zip(letters) {
            *slot = byte.to_ascii_lowercase();
            plain.len += 1;
        }
        plain
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Whether the value under this name is a secret. Most names are on the list of ordinary ones.
pub(super) fn is_secret(name: &str) -> bool {
    !is_ordinary(name) && has_secret_part(name)
}

/// The same as [`is_secret`], without the list of ordinary names. Nearly all names are ruled out by their letters.
pub(super) fn has_secret_part(name: &str) -> bool {
    let name = name.as_bytes();
    if name.len() < 6 {
        // Only one stem is this short.
        return matches!(name, [.., a, b, c] if [*a, *b, *c].eq_ignore_ascii_case(b"pwd"));
    }
    let set = name.iter().fold(0, |set, byte| set | letter(*byte));
    if !GATES.iter().any(|gate| set & gate == *gate) {
        return false;
    }
    let stem =
        |stem: &Stem| set & stem.letters == stem.letters && begins_somewhere(name, stem.text);
    SECRETS.iter().any(stem) && !ends_about(Plain::of(name).get())
}

/// Whether the name is `DetectedValues`. Nothing of its value is kept.
pub(super) fn is_matched_text(name: &str) -> bool {
    is_secret(name) && Plain::of(name.as_bytes()).get() == b"detectedvalues"
}

/// Whether the value under this name is not a secret: it describes one, or is about something else.
pub(super) fn is_about(name: &str) -> bool {
    ends_about(Plain::of(name.as_bytes()).get())
}

/// Whether the name is a key's id. In an object with such a member, `key` and `value` are the key itself.
pub(super) fn is_key_id(name: &str) -> bool {
    match name.len() {
        5 => name.eq_ignore_ascii_case("keyid"),
        6 => name.eq_ignore_ascii_case("key_id"),
        13 => name.eq_ignore_ascii_case("keyidentifier"),
        _ => false,
    }
}

/// Whether the member holds the key, in an object that describes one.
pub(super) fn is_key(name: &str) -> bool {
    name.eq_ignore_ascii_case("key") || name.eq_ignore_ascii_case("value")
}

/// Whether a part of a secret's name or the name of a key's id is in the text, in any encoding and spelling.
pub(super) fn mentioned(text: &[u8]) -> bool {
    STEMS.iter().any(|stem| begins_somewhere(text, stem.text))
}

/// Whether text that cannot be parsed may hold a secret: it mentions one, or has a value whose name may have been cut
/// off after it.
pub(crate) fn may_hold(text: &[u8]) -> bool {
    // A letter written as an escape. Microsoft's serializers never do that, so it may be an attempt to hide a name.
    let escaped = |window: &[u8]| window.starts_with(b"\\u00") && matches!(window[4], b'4'..=b'7');
    let key = |window: &[u8]| window.eq_ignore_ascii_case(b"\"key\"");
    mentioned(text)
        || begins_somewhere(text, b"value")
        || text.windows(5).any(|window| escaped(window) || key(window))
}

/// Every stem contains all letters of at least one of these sets.
const GATES: [u32; 9] = [
    letters(b"pwd"),
    letters(b"key"),
    letters(b"token"),
    letters(b"secrt"),
    letters(b"credntial"),
    letters(b"pashr"),
    letters(b"acesp"),
    letters(b"stingc"),
    letters(b"detcvalus"),
];

const fn letters(text: &[u8]) -> u32 {
    let (mut set, mut at) = (0, 0);
    while at < text.len() {
        set |= letter(text[at]);
        at += 1;
    }
    set
}

/// The bit of a letter, in either case. Other characters share bits with letters, which only costs a closer check.
const fn letter(byte: u8) -> u32 {
    1 << (byte & 31)
}

/// Whether the word is in the text, in any case and with any separators between its letters.
fn begins_somewhere(text: &[u8], word: &[u8]) -> bool {
    memchr2_iter(word[0], word[0].to_ascii_uppercase(), text).any(|at| begins(&text[at..], word))
}

/// Whether the text begins with the word, in any case and with any separators between its letters.
fn begins(text: &[u8], word: &[u8]) -> bool {
    // The second letter nearly always rules the word out.
    if let [_, second, ..] = text
        && second.is_ascii_alphanumeric()
        && second.to_ascii_lowercase() != word[1]
    {
        return false;
    }
    let mut letters = text.iter().filter(|byte| byte.is_ascii_alphanumeric());
    word.iter().all(|expect| {
        letters
            .next()
            .is_some_and(|byte| byte.eq_ignore_ascii_case(expect))
    })
}

/// Whether JSON in a string, still escaped, may have a member with a secret's name, or a member whose value is such a
/// name. A name is followed by a colon, at any level of escaping.
pub(super) fn has_member(text: &str) -> bool {
    memchr_iter(b':', text.as_bytes()).any(|colon| {
        let before = text.as_bytes()[..colon].trim_ascii_end();
        let Some(name) = before.strip_suffix(b"\"") else {
            // An escaped line break between name and colon.
            return matches!(before, [.., b'\\', b'n' | b'r' | b't']);
        };
        let end = name.len() - name.iter().rev().take_while(|byte| **byte == b'\\').count();
        let start = name[..end]
            .iter()
            .rposition(|byte| matches!(byte, b'"' | b'\\'))
            .map_or(0, |at| at + 1);
        let Some(name) = text.get(start..end) else {
            return false;
        };
        is_secret(name)
            || is_key_id(name)
            || is_name(name) && names_secret(&text.as_bytes()[colon + 1..])
    })
}

/// Whether the value after a colon is, or may be, the name of a secret.
fn names_secret(value: &[u8]) -> bool {
    let value = value.trim_ascii_start();
    let text = &value[value.iter().take_while(|byte| **byte == b'\\').count()..];
    match text.strip_prefix(b"\"") {
        Some(text) => {
            let end = text.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            let name = std::str::from_utf8(&text[..end.unwrap_or(text.len())]);
            name.map_or(true, is_secret)
        }
        // Escaped white space, or a value that is not a string.
        None => value.starts_with(b"\\"),
    }
}

/// Whether the member's value names what the object is about.
pub(super) fn is_name(name: &str) -> bool {
    match name.len() {
        3 => name.eq_ignore_ascii_case("key"),
        4 => name.eq_ignore_ascii_case("name"),
        _ => false,
    }
}

fn ends_about(letters: &[u8]) -> bool {
    ABOUT.iter().any(|end| letters.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_recognized_in_any_spelling() {
        for name in [
            "DetectedValues",
            "Password",
            "PasswordProfile",
            "passwordCredentials",
            "KeyCredentials",
            "Credential",
            "secretText",
            "ClientSecret",
            "client_secret",
            "Client-Secret",
            "AppSecretValue",
            "AccessKey",
            "access key",
            "storageAccountKey",
            "ApiKey",
            "PrivateKey",
            "DeviceToken",
            "SecretKey",
            "OathSecretKey",
            "TemporaryAccessPass",
            "FederationSigningCertificate",
            "NextSigningCertificate",
            "ConnectionString",
            "RefreshToken",
            "NewPwd",
            "RoomMailboxPassword",
            "PassPhrase",
            "SasToken",
            "SharedKey",
            "EncryptionKey",
            "MasterKey",
            "SeedKey",
            "BearerToken",
            "AccessToken",
            "RecoveryKey",
            "SymmetricKey",
            "SecretMessage",
            "PasswordUpdate",
            "KeyMaterial",
            "SharedSecret",
            "Passwd",
        ] {
            assert!(is_secret(name), "{name}");
            assert!(is_secret(&name.to_uppercase()), "{name}");
            assert!(mentioned(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_about_a_secret_are_not_secret() {
        for name in [
            "KeyDescription",
            "KeyId",
            "CredentialType",
            "PasswordPolicies",
            "SecretId",
            "DisplayName",
            "endDateTime",
            "LastPasswordChangeTimestamp",
            "StrongAuthenticationMethod",
            "StrongAuthenticationRequirement",
            "UserKey",
            "UniqueTokenId",
            "StsRefreshTokensValidFrom",
            "SecuredKeyId",
            "Key",
            "Value",
            "ObjectId",
            "ActorIpAddress",
            "PasswordNeverExpires",
            "SecretStartDate",
            "AccessTokenLifetime",
            "",
            "é",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn every_stem_is_found_by_its_letters() {
        for stem in SECRETS {
            let name = String::from_utf8_lossy(stem.text);
            assert!(is_secret(&name), "{name}");
            assert!(is_secret(&format!("My_{name}_X")), "{name}");
        }
        assert!(mentioned(b"\"KeyId\"") && !is_secret("KeyId"));
    }

    #[test]
    fn text_in_any_encoding_may_hold_a_secret() {
        let utf16: Vec<u8> = "\"Password\""
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(may_hold(&utf16));
        assert!(may_hold(br#"{"P\u0061ss"#));
        assert!(may_hold(br#"{"ModifiedProperties":[{"NewValue":"x"#));
        assert!(!may_hold(b"\xff{\"Id\":\"a\",\"Subject\":\"\\u00e9\""));
    }
}
