//! What one searches for: a user, an address, an operation or a session, told apart regardless of case.

use std::hash::BuildHasher as _;
use std::net::IpAddr;

use fastbloom::DefaultHasher;

/// The hash of terms is part of stored indexes, so it never changes.
const SEED: [u8; 16] = *b"ualstream-index1";

/// What a term is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A user, by name, address, object id or PUID; who did it, or to whom it was done.
    User,
    /// An IP address.
    Address,
    /// An operation, as Microsoft writes it.
    Operation,
    /// A session.
    Session,
}

/// Something that is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    kind: Kind,
    text: String,
}

impl Term {
    /// What `text` stands for.
    #[must_use]
    pub fn new(kind: Kind, text: &str) -> Self {
        let text = canonical(kind, text);
        Self { kind, text }
    }

    /// As what.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its text, in small letters; an address as it is usually written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether an attribute's text means this.
    pub(super) fn is(&self, kind: Kind, text: &str) -> bool {
        if kind != self.kind {
            return false;
        }
        // Nearly all texts are ASCII and differ.
        if text.is_ascii() && kind != Kind::Address {
            return trimmed(kind, text).eq_ignore_ascii_case(&self.text);
        }
        canonical(kind, text) == self.text
    }

    /// As indexes keep it.
    pub(super) fn hash(&self) -> u64 {
        hash(self.kind, &self.text)
    }
}

/// The hash of an attribute's text, as indexes keep it.
pub(super) fn hash_of(kind: Kind, text: &str) -> u64 {
    hash(kind, &canonical(kind, text))
}

fn hash(kind: Kind, canonical: &str) -> u64 {
    let kind = match kind {
        Kind::User => b'u',
        Kind::Address => b'a',
        Kind::Operation => b'o',
        Kind::Session => b's',
    };
    DefaultHasher::seeded(&SEED).hash_one((kind, canonical.as_bytes()))
}

/// Without the blanks and dots that end some of Microsoft's names.
fn trimmed(kind: Kind, text: &str) -> &str {
    let text = text.trim();
    match kind {
        Kind::Operation => text.trim_end_matches(['.', ' ']),
        _ => text,
    }
}

fn canonical(kind: Kind, text: &str) -> String {
    let text = trimmed(kind, text);
    if kind == Kind::Address
        && let Ok(address) = text.parse::<IpAddr>()
    {
        return address.to_canonical().to_string();
    }
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, one: &str, other: &str) {
        let term = Term::new(kind, one);
        assert!(term.is(kind, other), "{one} {other}");
        assert_eq!(term.hash(), hash_of(kind, other), "{one} {other}");
    }

    #[test]
    fn a_term_is_found_in_any_of_its_spellings() {
        check(Kind::User, "Alex@Contoso.example", " alex@contoso.EXAMPLE");
        check(Kind::User, "JÜRGEN", "jürgen");
        check(Kind::Operation, "add member to role", "Add member to role.");
        check(Kind::Address, "2001:DB8::0:1", "2001:db8::1");
        check(Kind::Address, "::ffff:192.0.2.1", "192.0.2.1");
        check(
            Kind::Address,
            "mail.Contoso.example",
            "MAIL.contoso.example",
        );
        assert!(!Term::new(Kind::User, "a").is(Kind::Session, "a"));
        assert!(!Term::new(Kind::User, "a").is(Kind::User, "ab"));
    }

    #[test]
    fn hashes_of_terms_stay_as_they_are_stored() {
        // When a new release of the library changes these, indexes need a new version (index.rs).
        let hashes = [Kind::User, Kind::Address].map(|kind| hash_of(kind, "192.0.2.1"));
        assert_eq!(hashes, HASHES);
    }

    const HASHES: [u64; 2] = [1_914_342_905_508_549_359, 4_901_932_620_520_676_818];
}
