//! Lists of typed ids, as Entra writes actors and targets, and the ids in them.

use crate::json::Value;
use crate::record::text::{meaningful, slice};
use memchr::memchr_iter;
use std::borrow::Cow;

/// The object id of accounts that do not exist. As an id it would join all failed guesses into one person.
pub(crate) const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// One of Entra's lists of typed ids: an actor or a target.
#[derive(Debug, Default)]
pub(crate) struct Ids<'a> {
    pub(crate) display_name: Option<Cow<'a, str>>,
    pub(crate) oid: Option<Cow<'a, str>>,
    /// `User`, `ServicePrincipal`, `Group`, `Policy`, ...: the prefix of `Kind_<guid>`, or an id that is just such a
    /// word.
    pub(crate) kind: Option<Cow<'a, str>>,
    pub(crate) puid: Option<Cow<'a, str>>,
    pub(crate) upn: Option<Cow<'a, str>>,
    pub(crate) spn: Option<Cow<'a, str>>,
    /// A GUID that is not the object's own: the calling application.
    pub(crate) app_uid: Option<Cow<'a, str>>,
}

impl<'a> Ids<'a> {
    /// Reads `[{ID, Type}]`. The types are Microsoft's IdentityType: 1 name, 2 other, 3 PUID, 4 SPN, 5 UPN. Sign-ins
    /// write an object id as type 0.
    pub(crate) fn read(list: Value<'a>) -> Self {
        let mut ids = Self::default();
        let mut guids: Vec<Cow<'a, str>> = Vec::new();
        for entry in list.children() {
            let Some(id) = entry
                .get("ID")
                .and_then(meaningful)
                .filter(|id| id != NOBODY)
            else {
                continue;
            };
            match entry.get("Type").and_then(Value::int) {
                Some(0) if is_guid(&id) => ids.oid = Some(id),
                Some(1) => ids.display_name = Some(id),
                Some(2) => ids.read_other(id, &mut guids),
                Some(3) => ids.puid = puid(&id).or(Some(id)),
                Some(4) => ids.spn = Some(id),
                Some(5) => ids.upn = Some(id),
                _ => {}
            }
        }
        for guid in guids {
            if ids.oid.is_none() {
                ids.oid = Some(guid);
            } else if ids.oid.as_ref() != Some(&guid) && ids.app_uid.is_none() {
                ids.app_uid = Some(guid);
            }
        }
        ids
    }

    fn read_other(&mut self, id: Cow<'a, str>, guids: &mut Vec<Cow<'a, str>>) {
        if is_guid(&id) {
            guids.push(id);
        } else if let Some((kind, guid)) = split_kind(&id) {
            self.kind = Some(kind);
            self.oid = Some(guid);
        } else if id.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            self.kind = self.kind.take().or(Some(id));
        }
    }
}

/// Whether the entry holds only an id and a type.
pub(crate) fn is_plain_id(entry: Value<'_>) -> bool {
    entry
        .children()
        .all(|member| member.key().is("ID") || (member.key().is("Type") && member.int().is_some()))
}

/// The two parts of `Kind_<guid>`.
fn split_kind<'a>(id: &Cow<'a, str>) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
    let at = id.rfind('_')?;
    is_guid(&id[at + 1..]).then(|| (slice(id, 0, at), slice(id, at + 1, id.len())))
}

pub(crate) fn is_guid(text: &str) -> bool {
    let dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| {
            if dash(at) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        })
}

/// The PUID in `1003...`, `1003...@tenant` or `i:0h.f|membership|1003...@live.com`: 16 hex digits that begin with 1003.
pub(crate) fn puid(text: &str) -> Option<Cow<'static, str>> {
    let bytes = text.as_bytes();
    let at = memchr_iter(b'1', bytes).find(|at| bytes[*at..].starts_with(b"1003"))?;
    let digits = text.get(at..at + 16)?;
    let bounded = |byte: Option<&u8>| !byte.is_some_and(u8::is_ascii_hexdigit);
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    let whole = digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && bounded(before)
        && bounded(bytes.get(at + 16));
    whole.then(|| Cow::Owned(digits.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_puid_is_found_in_every_claim() {
        let check =
            |text: &str, expect: Option<&str>| assert_eq!(puid(text).as_deref(), expect, "{text}");
        check("10032001AAAA0001", Some("10032001AAAA0001"));
        check("1003bffd9a7d3bd6@contoso.example", Some("1003BFFD9A7D3BD6"));
        check(
            "i:0h.f|membership|10030000974e5923@live.com",
            Some("10030000974E5923"),
        );
        check("i:0h.f|membership|00000000@redacted.example", None);
        check("1153977025279851686@contoso.example", None);
        check("a10032001AAAA0001", None);
        check("10032001AAAA00012", None);
        check("1003é", None);
    }

    #[test]
    fn guids_are_recognized() {
        assert!(is_guid("755e500a-6c03-46b0-b53b-282f23374e3b"));
        assert!(!is_guid("755e500a-6c03-46b0-b53b-282f23374e3"));
        assert!(!is_guid("755e500a+6c03-46b0-b53b-282f23374e3b"));
    }
}
