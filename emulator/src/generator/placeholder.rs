//! Placeholders of templates, and what is written in their place.

use std::io::{self, Write};

use jiff::Timestamp;
use uuid::Uuid;

use super::users::{User, Users, attackers_address};
use crate::rng::{SeededRng, hash_text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Id,
    Tenant,
    Time,
    Upn,
    UpnUpper,
    UpnPath,
    Name,
    ObjectId,
    Puid,
    Domain,
    Ip,
    Ip6,
    AttackerIp,
    Port,
    Guid,
    Session,
    Hex,
    Number,
    Round,
}

/// A placeholder. `{{guid}}` is another value at each place, `{{guid:app}}` the same wherever the label is the same. At the names and
/// addresses of users the label is a number: `{{upn:1}}` is the user after that of `{{upn}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placeholder {
    kind: Kind,
    label: Option<u64>,
}

impl Placeholder {
    pub(super) const ID: Self = Self::plain(Kind::Id);
    pub(super) const TENANT: Self = Self::plain(Kind::Tenant);

    const fn plain(kind: Kind) -> Self {
        Self { kind, label: None }
    }

    /// `None` when the name is unknown.
    pub(super) fn named(text: &str) -> Option<Self> {
        let (name, label) = match text.split_once(':') {
            Some((name, label)) => (name, Some(label)),
            None => (text, None),
        };
        let kind = match name {
            "id" => Kind::Id,
            "tenant" => Kind::Tenant,
            "time" => Kind::Time,
            "upn" => Kind::Upn,
            "UPN" => Kind::UpnUpper,
            "upn_path" => Kind::UpnPath,
            "name" => Kind::Name,
            "oid" => Kind::ObjectId,
            "puid" => Kind::Puid,
            "domain" => Kind::Domain,
            "ip" => Kind::Ip,
            "ip6" => Kind::Ip6,
            "attacker_ip" => Kind::AttackerIp,
            "port" => Kind::Port,
            "guid" => Kind::Guid,
            "session" => Kind::Session,
            "hex" => Kind::Hex,
            "number" => Kind::Number,
            "round" => Kind::Round,
            _ => return None,
        };
        let label = match (kind.is_of_a_user(), label) {
            (_, None) => None,
            (true, Some(label)) => Some(label.parse().ok()?),
            (false, Some(label)) => Some(hash_text(label)),
        };
        Some(Self { kind, label })
    }

    /// Appends the value.
    pub(super) fn write(
        self,
        with: &Values<'_>,
        rng: &mut SeededRng,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let other;
        let user = match self.label {
            Some(steps) if self.kind.is_of_a_user() => {
                other = with.users.user(with.user_number.wrapping_add(steps));
                &other
            }
            _ => &with.user,
        };
        let mut labelled;
        let rng = match self.label.or(self.kind.own_label()) {
            Some(label) => {
                labelled = SeededRng::of(&[with.key, self.kind as u64, label]);
                &mut labelled
            }
            None => rng,
        };
        let domain = &with.users.domain;
        match self.kind {
            Kind::Id => write_uuid(with.id, out),
            Kind::Tenant => out.extend_from_slice(with.users.tenant.as_bytes()),
            Kind::Time => write!(out, "{}", with.time.strftime("%Y-%m-%dT%H:%M:%S"))?,
            Kind::Upn => user.write_upn(domain, out)?,
            Kind::UpnUpper => {
                let from = out.len();
                user.write_upn(domain, out)?;
                out[from..].make_ascii_uppercase();
            }
            // As in the address of a OneDrive.
            Kind::UpnPath => {
                let from = out.len();
                user.write_upn(domain, out)?;
                for byte in &mut out[from..] {
                    if matches!(byte, b'.' | b'@') {
                        *byte = b'_';
                    }
                }
            }
            Kind::Name => out.extend_from_slice(user.name.as_bytes()),
            Kind::ObjectId => write_uuid(user.object_id, out),
            Kind::Puid => user.write_puid(out)?,
            Kind::Domain => out.extend_from_slice(domain.as_bytes()),
            Kind::Ip => write!(out, "{}", user.ip)?,
            Kind::Ip6 => write!(out, "{}", user.ip6)?,
            Kind::AttackerIp => write!(out, "{}", attackers_address(rng))?,
            Kind::Port => write!(out, "{}", 1024 + rng.below(64_000))?,
            Kind::Guid | Kind::Session => write_uuid(rng.uuid(), out),
            Kind::Hex => write!(out, "{:016X}", rng.next())?,
            Kind::Number => write!(out, "{}", rng.below(1_000_000))?,
            Kind::Round => write!(out, "{}", with.round)?,
        }
        Ok(())
    }
}

impl Kind {
    const fn is_of_a_user(self) -> bool {
        matches!(
            self,
            Self::Upn
                | Self::UpnUpper
                | Self::UpnPath
                | Self::Name
                | Self::ObjectId
                | Self::Puid
                | Self::Ip
                | Self::Ip6
        )
    }

    /// The label of a kind that has the same value everywhere in a record or a story.
    const fn own_label(self) -> Option<u64> {
        match self {
            Self::Session | Self::AttackerIp => Some(0),
            _ => None,
        }
    }
}

/// What a record is filled with.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) id: Uuid,
    pub(super) time: Timestamp,
    users: &'a Users,
    user_number: u64,
    user: User,
    /// Labelled values depend on it and their label alone: that of a record is its own, that of a story all its records have.
    key: u64,
    /// Which repetition of a story's step it is, from 1 on.
    pub(super) round: u64,
}

impl<'a> Values<'a> {
    pub(super) fn new(
        id: Uuid,
        time: Timestamp,
        (users, user_number): (&'a Users, u64),
        key: u64,
    ) -> Self {
        Self {
            id,
            time,
            users,
            user_number,
            user: users.user(user_number),
            key,
            round: 1,
        }
    }
}

fn write_uuid(id: Uuid, out: &mut Vec<u8>) {
    let mut buffer = Uuid::encode_buffer();
    out.extend_from_slice(id.hyphenated().encode_lower(&mut buffer).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, key: u64, seed: u64) -> String {
        let users = Users::of(1, Uuid::nil());
        let values = Values::new(Uuid::nil(), Timestamp::UNIX_EPOCH, (&users, 4), key);
        let mut out = Vec::new();
        Placeholder::named(name)
            .expect("a placeholder")
            .write(&values, &mut SeededRng::of(&[seed]), &mut out)
            .expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_label_gives_one_value_in_all_records_of_a_key() {
        for name in [
            "guid:app",
            "hex:app",
            "number:app",
            "session",
            "attacker_ip",
        ] {
            assert_eq!(written(name, 1, 1), written(name, 1, 2), "{name}");
            assert_ne!(written(name, 1, 1), written(name, 2, 1), "{name}");
        }
        assert_ne!(written("guid:app", 1, 1), written("guid:other", 1, 1));
        assert_ne!(written("guid", 1, 1), written("guid", 1, 2));
    }

    #[test]
    fn a_number_at_a_name_is_another_user() {
        assert!(written("upn", 1, 1).starts_with("cameron.white@"));
        assert!(written("upn:1", 1, 1).starts_with("christie.cline@"));
        assert_ne!(written("ip6", 1, 1), written("ip6:1", 1, 1));
    }

    #[test]
    fn an_unknown_placeholder_is_none() {
        for name in ["", "user", "upn:one", "upn:"] {
            assert_eq!(Placeholder::named(name), None, "{name}");
        }
    }
}
