//! Where things lie in the lake. Every key is a function of the blob's announcement (and, for raw copies, of its bytes), so
//! that doing a thing twice writes one object.
//!
//! ```text
//! raw/tenant_id=T/content_type=C/day=YYYY-MM-DD/{content id}.{sha256 of the bytes}.json.gz
//! {schema}/content_type=C/day=YYYY-MM-DD/hour=HH/tenant_id=T/{content id}.ndjson.gz or .zst
//! routed/R/content_type=C/day=YYYY-MM-DD/hour=HH/tenant_id=T/{content id}.ndjson.gz or .zst
//! (of a long blob further ones: {content id}!p1.ndjson.gz and so on)
//! generations/G/...                                    events that a replay made, laid out as those that it replaces
//! certificates/day=YYYY-MM-DD/tenant_id=T.ndjson.gz
//! findings/{schema}/day=YYYY-MM-DD/hour=HH/tenant_id=T/{uid}.ndjson.gz   `day` and `hour` are those of the last record
//! quarantine/tenant_id=T/content_type=C/day=YYYY-MM-DD/{content id}.{sha256 of the bytes}.gz
//! ```
//!
//! `day` and `hour` are those of contentCreated, in UTC: when Microsoft made the blob available, not when its events took place.
//! Raw copies are kept by tenant, because that is how they are given out or deleted. Events are kept by time, because that is
//! how they are read: a query engine can work out every folder of the first three levels by itself, while nobody can work out
//! tenant ids; and the objects of an hour lie together.

use std::fmt::{self, Display, Write as _};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use normalize::Schema;
use object_store::path::Path;
use office365::{ContentId, TenantId};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Codec;
use crate::content::{BlobHour, ContentRef};

/// Longest escaped content id used as it is, in bytes: with a hash and an ending it stays below the 255 bytes that file
/// systems allow for a name. The longest seen have 120.
const NAME_BYTES_MAX: usize = 180;

/// Of a longer one this much is kept, for people, before a hash of all of it.
const NAME_BYTES_KEPT: usize = 100;

/// Before the number of a long blob's further object: no escape of a name, so that no other blob's name ends so.
const PART: &str = "!p";

/// Before the hash of a shortened name: no escape either, so a shortened name is never another id's whole one.
const SHORTENED: &str = "!!";

/// The folder of raw copies.
pub const RAW: &str = "raw";

/// Longest name of a generation, in characters: it is a folder's name, for people.
const GENERATION_CHARS_MAX: usize = 64;

/// The folder of what a replay with other settings made: small letters, digits and hyphens, a letter or digit first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Generation(String);

/// Not a generation's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a generation is named by 1 to 64 small letters, digits or hyphens, and not a hyphen first"
)]
pub struct InvalidGeneration;

impl Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Generation {
    type Err = InvalidGeneration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=GENERATION_CHARS_MAX).contains(&text.len())
            && text.bytes().all(fits)
            && !text.starts_with('-')
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidGeneration)
        }
    }
}

/// Where an object of events lies in its generation; without one, where it always does.
#[must_use]
pub fn within(generation: Option<&Generation>, path: Path) -> Path {
    match generation {
        None => path,
        Some(generation) => Path::from(format!("generations/{generation}/{path}")),
    }
}

/// The certificates of a tenant's hours of one day, NDJSON.
#[must_use]
pub fn certificates(tenant: TenantId, day: Date) -> Path {
    Path::from(format!(
        "certificates/day={day}/tenant_id={tenant}.ndjson.gz"
    ))
}

/// The content type and the day of contentCreated of a raw copy, by its key; `None` when the key is none of [`raw`]'s.
#[must_use]
pub fn raw_partition(key: &Path) -> Option<(String, Date)> {
    let mut parts = key.parts();
    let mut value = |name: &str| {
        let part = parts.next()?;
        part.as_ref().strip_prefix(name).map(str::to_owned)
    };
    value(RAW)?;
    value("tenant_id=")?;
    let content_type = value("content_type=")?;
    let day = value("day=")?.parse().ok()?;
    Some((content_type, day))
}

/// The blob's bytes as Microsoft sent them, gzip; by setting without secrets. `sha256` is that of the bytes before compression,
/// in hex.
#[must_use]
pub fn raw(blob: &ContentRef, sha256: &str) -> Path {
    path(
        RAW,
        blob,
        &format!("{}.{sha256}.json.gz", name(&blob.content_id)),
    )
}

/// Whose raw copy it is, by its key; `None` when the key is none of [`raw`]'s.
#[must_use]
pub fn raw_tenant(key: &Path) -> Option<TenantId> {
    raw_partition(key)?;
    let tenant = key.parts().nth(1)?;
    tenant.as_ref().strip_prefix("tenant_id=")?.parse().ok()
}

/// The folder of findings.
pub const FINDINGS: &str = "findings";

/// A finding, NDJSON. `at` is when the last of its records took place.
#[must_use]
pub fn finding(tenant: TenantId, schema: Schema, at: Timestamp, uid: Uuid) -> Path {
    let at = at.to_zoned(TimeZone::UTC);
    Path::from(format!(
        "{FINDINGS}/{}/day={}/hour={:02}/tenant_id={tenant}/{uid}.ndjson.gz",
        schema.as_str(),
        at.date(),
        at.hour()
    ))
}

/// The events of the records that the blob owns, NDJSON, below `ocsf/` or `ecs/`: a reader of one schema never meets the
/// other. A long blob has several objects, which are told apart by their `part`, from 0.
#[must_use]
pub fn events(blob: &ContentRef, schema: Schema, codec: Codec, part: usize) -> Path {
    below(schema.as_str(), blob, codec, part)
}

/// The events that the filter routes to `route`, laid out as [`events`] are. A folder of its own keeps them out of whatever
/// reads `ocsf/`.
#[must_use]
pub fn routed(route: &str, blob: &ContentRef, codec: Codec, part: usize) -> Path {
    below(&format!("routed/{route}"), blob, codec, part)
}

fn below(root: &str, blob: &ContentRef, codec: Codec, part: usize) -> Path {
    let part = match part {
        0 => String::new(),
        _ => format!("{PART}{part}"),
    };
    let created = blob.content_created.to_zoned(TimeZone::UTC);
    Path::from(format!(
        "{root}/content_type={}/day={}/hour={:02}/tenant_id={}/{}{part}.ndjson.{}",
        blob.content_type,
        created.date(),
        created.hour(),
        blob.tenant_id,
        name(&blob.content_id),
        codec.ending()
    ))
}

/// The folder of the folders that the filter routes to.
pub const ROUTED: &str = "routed";

/// The hour and the name of the blob that an object of events is of, by its key; `None` when the key is none of [`events`]' or
/// [`routed`]'s, or the name was too long to stand in it whole.
#[must_use]
pub fn blob_of_events(key: &Path) -> Option<(BlobHour, ContentId)> {
    let mut names = key.as_ref().rsplit('/');
    let (file, mut value) = (names.next()?, |name: &str| names.next()?.strip_prefix(name));
    let tenant = value("tenant_id=")?.parse().ok()?;
    let hour = value("hour=")?;
    let day = value("day=")?;
    let content_type = value("content_type=")?.parse().ok()?;
    let (name, ending) = file.split_once(".ndjson.")?;
    let is_ours = [Codec::Gzip, Codec::Zstd]
        .map(Codec::ending)
        .contains(&ending);
    let name = name.rsplit_once(PART).map_or(name, |(name, _)| name);
    let of = BlobHour {
        tenant,
        content_type,
        hour: format!("{day}T{hour}").parse().ok()?,
    };
    is_ours.then_some((of, unescaped(name)?))
}

/// The bytes of a blob that cannot be read, gzip.
#[must_use]
pub fn quarantine(blob: &ContentRef, sha256: &str) -> Path {
    path(
        "quarantine",
        blob,
        &format!("{}.{sha256}.gz", name(&blob.content_id)),
    )
}

fn path(root: &str, blob: &ContentRef, file: &str) -> Path {
    let day = blob.content_created.to_zoned(TimeZone::UTC).date();
    Path::from(format!(
        "{root}/tenant_id={}/content_type={}/day={day}/{file}",
        blob.tenant_id, blob.content_type
    ))
}

/// A content id as part of a file name: letters, digits, `-` and `_` stay, `$` becomes `.`, anything else `!` and two hex
/// digits. Different ids have different names.
fn name(id: &ContentId) -> String {
    let mut name = String::with_capacity(id.as_str().len() + 8);
    for byte in id.as_str().bytes() {
        match byte {
            b'$' => name.push('.'),
            b'-' | b'_' => name.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(name, "!{byte:02X}");
            }
        }
    }
    if name.len() > NAME_BYTES_MAX {
        let hash = hex::encode(Sha256::digest(id.as_str()));
        name.truncate(NAME_BYTES_KEPT);
        name.push_str(SHORTENED);
        name.push_str(&hash);
    }
    name
}

/// The content id that [`name`] made the name of; `None` for a shortened one, and for what is no such name.
fn unescaped(name: &str) -> Option<ContentId> {
    let mut id = String::with_capacity(name.len());
    let mut rest = name.chars();
    while let Some(sign) = rest.next() {
        match sign {
            '.' => id.push('$'),
            '!' => {
                let digits = rest.as_str().get(..2)?;
                id.push(char::from(u8::from_str_radix(digits, 16).ok()?));
                rest = rest.as_str().get(2..)?.chars();
            }
            sign => id.push(sign),
        }
    }
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::clock::Hour;

    fn blob(content_id: &str) -> ContentRef {
        ContentRef {
            tenant_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            content_type: office365::ContentType::AuditExchange,
            content_id: content_id.parse().unwrap(),
            content_created: "2026-03-01T23:59:59.999Z".parse().unwrap(),
            content_expiration: "2026-03-08T23:59:59.999Z".parse().unwrap(),
        }
    }

    #[test]
    fn keys_are_readable_and_partitioned() {
        let blob = blob("2020$2021$audit_exchange$Audit_Exchange$emea0036");
        assert_eq!(
            events(&blob, Schema::Ocsf, Codec::Gzip, 0).as_ref(),
            "ocsf/content_type=Audit.Exchange/day=2026-03-01/hour=23/tenant_id=11111111-2222-4333-8444-555555555555/\
             2020.2021.audit_exchange.Audit_Exchange.emea0036.ndjson.gz"
        );
        assert!(
            events(&blob, Schema::Ecs, Codec::Gzip, 0)
                .as_ref()
                .starts_with("ecs/content_type=")
        );
        assert!(
            events(&blob, Schema::Ocsf, Codec::Gzip, 2)
                .as_ref()
                .ends_with("emea0036!p2.ndjson.gz")
        );
        let kept = events(&blob, Schema::Ocsf, Codec::Zstd, 0);
        assert_eq!(
            routed("sync-noise", &blob, Codec::Zstd, 0).as_ref(),
            kept.as_ref().replace("ocsf/", "routed/sync-noise/")
        );
        assert!(raw(&blob, "abc").as_ref().ends_with("emea0036.abc.json.gz"));
    }

    #[test]
    fn a_raw_copys_key_tells_its_partition() {
        let day = "2026-03-01".parse().unwrap();
        let key = raw(&blob("a$b"), "abc");
        assert_eq!(
            raw_partition(&key),
            Some(("Audit.Exchange".to_owned(), day))
        );
        assert_eq!(
            raw_partition(&events(&blob("a$b"), Schema::Ocsf, Codec::Gzip, 0)),
            None
        );
        assert_eq!(raw_partition(&"raw/tenant_id=t/x".into()), None);
        assert_eq!(raw_tenant(&key), Some(blob("a$b").tenant_id));
        let mine = raw_tenant(&events(&blob("a$b"), Schema::Ocsf, Codec::Gzip, 0));
        assert_eq!(mine, None);
    }

    #[test]
    fn a_generation_is_a_folder_and_nothing_else() {
        let path = events(&blob("a$b"), Schema::Ocsf, Codec::Gzip, 0);
        assert_eq!(within(None, path.clone()), path);
        let generation = "ocsf-1-8".parse().unwrap();
        let inside = within(Some(&generation), path.clone());
        assert_eq!(inside.as_ref(), format!("generations/ocsf-1-8/{path}"));
        for other in ["", "-a", "a/b", "..", "A", "a b", &"a".repeat(65)] {
            assert_eq!(
                other.parse::<Generation>(),
                Err(InvalidGeneration),
                "{other}"
            );
        }
    }

    #[test]
    fn the_longest_id_fits_a_file_name() {
        let file = raw(&blob(&"=".repeat(512)), &"f".repeat(64));
        assert!(file.filename().unwrap().len() <= 255);
    }

    proptest! {
        #[test]
        fn different_ids_have_different_names(ids in prop::collection::vec("[A-Za-z0-9._!$&'()*+,;=:@~-]{1,300}", 2..20)) {
            let mut seen = HashMap::new();
            for id in ids.iter().filter_map(|id| id.parse::<ContentId>().ok()) {
                let key = events(&blob(id.as_str()), Schema::Ocsf, Codec::Gzip, 0).to_string().to_lowercase();
                // Names differ as the ids do; file systems that fold case are none of ours.
                if let Some(other) = seen.insert(key, id.clone()) {
                    prop_assert!(other.as_str().eq_ignore_ascii_case(id.as_str()));
                }
            }
        }

        #[test]
        fn an_events_key_tells_the_blob(id in "[A-Za-z0-9._!$&'()*+,;=:@~-]{1,300}", part in 0..3_usize) {
            let Ok(id) = id.parse::<ContentId>() else { return Ok(()) };
            let blob = blob(id.as_str());
            let kept = events(&blob, Schema::Ocsf, Codec::Zstd, part);
            let routed = routed("x", &blob, Codec::Gzip, part);
            let is_shortened = name(&id).contains(SHORTENED);
            for key in [kept, routed] {
                let told = blob_of_events(&key);
                prop_assert_eq!(told.is_none(), is_shortened);
                if let Some((of, told)) = told {
                    prop_assert_eq!(&told, &id);
                    prop_assert_eq!(of.tenant, blob.tenant_id);
                    prop_assert_eq!(of.hour, Hour::of(blob.content_created));
                }
            }
        }

        #[test]
        fn no_escape_is_escaped_again_by_the_store(id in "[A-Za-z0-9._!$&'()*+,;=:@~-]{1,300}") {
            prop_assume!(id.parse::<ContentId>().is_ok());
            let key = events(&blob(&id), Schema::Ocsf, Codec::Zstd, 0);
            prop_assert!(!key.as_ref().contains('%'));
        }
    }
}
