//! Who acted: one person under one set of names, whichever service wrote the record.
//!
//! Entra, Exchange and SharePoint name a person by object id, by PUID, by UPN and by claims that wrap one of these. The
//! PUID is in all of them, so it is kept beside the object id: `user.uid_alt` joins a sign-in to a mailbox or a file.

mod ids;

pub(crate) use ids::{Ids, NOBODY, is_guid, is_plain_id, puid};

use crate::class::Class;
use crate::event::{Event, Kind};
use crate::json::{Value, Writer};
use crate::record::{Record, is_noise, meaningful};
use crate::time;
use memchr::memchr;
use std::borrow::Cow;

/// A user as OCSF names one.
#[derive(Debug, Clone, Default)]
pub(crate) struct User<'a> {
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) uid: Option<Cow<'a, str>>,
    /// The PUID, upper case.
    pub(crate) uid_alt: Option<Cow<'a, str>>,
    /// type_id and its caption.
    pub(crate) kind: Option<(u8, Cow<'a, str>)>,
}

/// The acting user and the application that acted for it.
#[derive(Debug, Default)]
pub(crate) struct Actor<'a> {
    pub(crate) user: User<'a>,
    app_name: Option<Cow<'a, str>>,
    app_uid: Option<Cow<'a, str>>,
    session_uid: Option<Cow<'a, str>>,
    credential_uid: Option<Cow<'a, str>>,
    session_created_ms: Option<i64>,
}

/// A part of a text, borrowed where the text is.
pub(crate) fn slice<'a>(text: &Cow<'a, str>, from: usize, to: usize) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[from..to]),
        Cow::Owned(text) => Cow::Owned(text[from..to].to_owned()),
    }
}

/// The domain of an address that OCSF's email_t accepts:
/// `^[a-zA-Z0-9!#$%&'*+-/=?^_`{|}~.]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+$` (`+-/` is a range there).
pub(crate) fn email_domain(text: &str) -> Option<&str> {
    let at = memchr(b'@', text.as_bytes())?;
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let local_byte = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*'..=b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
    };
    let domain_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let dot = memchr(b'.', domain.as_bytes())?;
    let good =
        !local.is_empty() && local.bytes().all(local_byte) && dot > 0 && dot + 1 < domain.len();
    (good && domain.bytes().all(domain_byte)).then_some(domain)
}

impl<'a> User<'a> {
    /// A user known by one text: an address, a login name or an id.
    pub(crate) fn named(name: Cow<'a, str>) -> Self {
        Self {
            uid_alt: puid(&name),
            name: Some(name),
            ..Self::default()
        }
    }

    pub(crate) fn is_nobody(&self) -> bool {
        self.name.is_none() && self.uid.is_none()
    }

    /// Writes the object's attributes; nothing when there is neither name nor uid, which the schema demands.
    pub(crate) fn write(&self, w: &mut Writer) {
        if self.is_nobody() {
            return;
        }
        if let Some(name) = &self.name {
            w.text("name", name);
            if let Some(domain) = email_domain(name) {
                w.text("email_addr", name);
                w.text("domain", domain);
            }
        }
        w.text_opt("uid", self.uid.as_ref());
        w.text_opt("uid_alt", self.uid_alt.as_ref());
        if let Some((id, caption)) = &self.kind {
            w.int("type_id", i64::from(*id));
            w.text("type", caption);
        }
    }

    /// Indexes name and address under an attribute of the class.
    pub(crate) fn observe(
        &self,
        event: &mut Event<'a>,
        name_path: &'static str,
        address_path: &'static str,
    ) {
        if let Some(name) = &self.name {
            event.observe(name_path, Kind::UserName, name.clone());
            if email_domain(name).is_some() {
                event.observe(address_path, Kind::EmailAddress, name.clone());
            }
        }
    }
}

/// OCSF's user types by Microsoft's `UserType`.
fn user_kind(user_type: i64) -> Option<(u8, &'static str)> {
    Some(match user_type {
        0 => (1, "User"),
        1 => (0, "Unknown"),
        2 => (2, "Admin"),
        3 | 4 => (3, "System"),
        5 | 6 => (4, "Service"),
        7 => (99, "CustomPolicy"),
        8 => (99, "SystemPolicy"),
        9 => (99, "PartnerTechnician"),
        10 => (99, "Guest"),
        _ => return None,
    })
}

/// Accounts of the services themselves, whatever `UserType` says.
fn built_in(name: &str) -> Option<(u8, &'static str)> {
    let starts = |prefix: &str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    if starts(r"NT AUTHORITY\")
        || starts(r"SHAREPOINT\system")
        || starts(r"Microsoft\ServiceOperator")
        // Defender's own name, where it does not put the person's.
        || name == "ThreatIntel"
    {
        return Some((3, "System"));
    }
    name.eq_ignore_ascii_case("app@sharepoint")
        .then_some((4, "Service"))
}

/// Record types whose UserId is the person concerned although UserType says System: mail, link and file detections.
const PERSON_DESPITE_SYSTEM: [i64; 3] = [28, 41, 47];

/// Reads the acting user and application. Nothing is marked: [`Actor::claim`] does, once they are in the event.
pub(crate) fn actor<'a>(record: &Record<'a>) -> Actor<'a> {
    let ids = record.get("Actor").map(Ids::read).unwrap_or_default();
    let mut actor = Actor {
        app_uid: ids.app_uid.clone(),
        ..Actor::default()
    };
    actor.user = user(record, &ids);
    let context = record.get("AppAccessContext");
    let context = |key: &str| context?.get(key).and_then(meaningful);
    applications(record, &mut actor, context);
    let device = |key: &str| record.property("DeviceProperties", key);
    actor.session_uid = device("SessionId")
        .or_else(|| context("AADSessionId"))
        .or_else(|| record.text("SessionId"))
        .or_else(|| record.text("UserSessionId"));
    actor.credential_uid = context("UniqueTokenId");
    // SharePoint and Exchange name the same moment differently.
    actor.session_created_ms = context("TokenIssuedAtTime")
        .or_else(|| context("IssuedAtTime"))
        .and_then(|text| Some(time::parse(&text)?.epoch_ms));
    if ids.kind.as_deref() == Some("ServicePrincipal") {
        actor.app_name = actor.app_name.take().or(ids.display_name);
        actor.user.kind = Some((4, Cow::Borrowed("Service")));
    }
    actor
}

fn applications<'a>(
    record: &Record<'a>,
    actor: &mut Actor<'a>,
    context: impl Fn(&str) -> Option<Cow<'a, str>>,
) {
    // In Power BI these name the app that was opened, in sign-ins ApplicationId is the service.
    let (power_bi, sign_in) = (
        record.record_type == Some(20),
        record.record_type == Some(15),
    );
    actor.app_name = record
        .text("ApplicationDisplayName")
        .or_else(|| context("ClientAppName"))
        .or_else(|| record.text("ClientApplication"))
        .or_else(|| {
            if power_bi {
                None
            } else {
                record.text("AppName")
            }
        })
        .or_else(|| record.text("ClientProcessName"));
    let app_uid = record
        .text("ClientAppId")
        .or_else(|| context("ClientAppId"))
        .or_else(|| if power_bi { None } else { record.text("AppId") })
        .or_else(|| {
            if sign_in {
                None
            } else {
                record.text("ApplicationId")
            }
        });
    actor.app_uid = app_uid.or(actor.app_uid.take());
}

fn user<'a>(record: &Record<'a>, ids: &Ids<'a>) -> User<'a> {
    let user_id = record.text("UserId");
    let user_key = record.text("UserKey");
    let name = ids.upn.clone().or_else(|| user_id.clone());
    let context_oid = || {
        record
            .get("AppAccessContext")?
            .get("UserObjectId")
            .and_then(meaningful)
    };
    let uid = ids
        .oid
        .clone()
        .or_else(|| record.text("TokenObjectId"))
        .or_else(context_oid)
        .or_else(|| user_key.clone().filter(|key| key != NOBODY));
    let uid_alt = ids
        .puid
        .clone()
        .or_else(|| user_key.as_deref().and_then(puid))
        .or_else(|| user_id.as_deref().and_then(puid));
    let user_type = record.int("UserType");
    let despite = record
        .record_type
        .is_some_and(|number| PERSON_DESPITE_SYSTEM.contains(&number));
    let kind = name
        .as_deref()
        .and_then(built_in)
        .or({
            if despite && matches!(user_type, Some(3 | 4)) {
                Some((1, "User"))
            } else {
                None
            }
        })
        .or_else(|| user_kind(user_type?));
    User {
        name,
        uid,
        uid_alt,
        kind: kind.map(|(id, caption)| (id, Cow::Borrowed(caption))),
    }
}

impl<'a> Actor<'a> {
    /// Someone or something is known to have acted.
    pub(crate) fn is_known(&self) -> bool {
        !self.user.is_nobody()
            || self.app_name.is_some()
            || self.app_uid.is_some()
            || self.session_uid.is_some()
    }

    pub(crate) fn app_name(&self) -> Option<&Cow<'a, str>> {
        self.app_name.as_ref()
    }

    pub(crate) fn is_system(&self) -> bool {
        self.user.kind.as_ref().is_some_and(|(id, _)| *id == 3)
    }

    /// Writes `actor`. Classes that require it get one even when nobody is named.
    pub(crate) fn write(&self, record: &Record<'a>, event: &mut Event<'a>, required: bool) {
        self.claim(record);
        if !self.is_known() {
            if required {
                event
                    .body
                    .object("actor", |w| w.text("app_name", "Microsoft 365"));
            }
            return;
        }
        event.body.object("actor", |w| self.write_attributes(w));
        self.user
            .observe(event, "actor.user.name", "actor.user.email_addr");
        event.profiles.host |= event.class.actor_needs_host();
    }

    /// Marks the members that stand in the event with this actor.
    pub(crate) fn claim(&self, record: &Record<'a>) {
        const MEMBERS: [&str; 7] = [
            "ApplicationDisplayName",
            "ClientApplication",
            "SessionId",
            "TokenObjectId",
            "UserId",
            "UserKey",
            "UserSessionId",
        ];
        let user = &self.user;
        let known = [
            &user.name,
            &user.uid,
            &user.uid_alt,
            &self.app_uid,
            &self.app_name,
            &self.session_uid,
        ];
        let stands = |text: &str| known.iter().any(|known| known.as_deref() == Some(text));
        for key in MEMBERS {
            let Some(value) = record.get(key) else {
                continue;
            };
            if value
                .scalar()
                .is_some_and(|text| is_noise(&text) || stands(&text))
            {
                value.mark_used();
            }
        }
        if !user.is_nobody() && record.int("UserType").and_then(user_kind).is_some() {
            record.used(&["UserType"]);
        }
        let id = |entry: Value<'a>| entry.get("ID").and_then(Value::scalar);
        if let Some(list) = record.get("Actor")
            && list.is_array()
            && list
                .children()
                .all(|entry| is_plain_id(entry) && id(entry).is_some_and(|id| stands(&id)))
        {
            list.mark_used();
        }
    }

    pub(crate) fn write_attributes(&self, w: &mut Writer) {
        w.object("user", |w| self.user.write(w));
        w.text_opt("app_name", self.app_name.as_ref());
        w.text_opt("app_uid", self.app_uid.as_ref());
        self.write_session(w);
    }

    pub(crate) fn write_session(&self, w: &mut Writer) {
        if let Some(uid) = &self.session_uid {
            w.object("session", |w| {
                w.text("uid", uid);
                w.text_opt("credential_uid", self.credential_uid.as_ref());
                self.session_created_ms
                    .iter()
                    .for_each(|created| w.int("created_time", *created));
            });
        }
    }
}

/// The schema demands an actor of these.
pub(crate) fn requires_actor(class: Class) -> bool {
    matches!(class, Class::ApiActivity | Class::FileHosting)
}

/// A name that is worth showing in a message.
pub(crate) fn shown<'n>(name: Option<&'n Cow<'_, str>>) -> &'n str {
    name.map(|name| &**name)
        .filter(|name| !is_noise(name))
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_addresses_that_the_schema_takes() {
        let check =
            |text: &str, expect: Option<&str>| assert_eq!(email_domain(text), expect, "{text}");
        check("alex@contoso.example", Some("contoso.example"));
        check("o'neil+tag@a.b.c", Some("a.b.c"));
        check("alex@contoso", None);
        check("@contoso.example", None);
        check("a@b@c.d", None);
        check("a b@c.d", None);
        check("a@.d", None);
        check("a@b.", None);
        check("é@c.d", None);
    }
}
