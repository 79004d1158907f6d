//! The actor: one person has the same names and ids, whichever service wrote the record.
//!
//! Entra, Exchange and SharePoint identify a person by object id, PUID, UPN, or claims that wrap one of these. Only the
//! PUID is in all of them, so it is kept beside the object id: `user.uid_alt` joins a sign-in to a mailbox or a file.

mod ids;
mod names;
mod user_kind;

pub(crate) use ids::{Ids, NOBODY, is_guid, is_plain_id, puid};
pub(crate) use user_kind::UserKind;

use super::reader::Record;
use super::record_type::RecordType;
use super::text::{is_noise, meaningful};
use super::time;
use crate::json::Value;
use names::Parts;
use std::borrow::Cow;

/// A user as OCSF names one.
#[derive(Debug, Clone, Default)]
pub(crate) struct User<'a> {
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) uid: Option<Cow<'a, str>>,
    /// The PUID, in upper case.
    pub(crate) uid_alt: Option<Cow<'a, str>>,
    /// The address, where the name is none.
    pub(crate) email: Option<Cow<'a, str>>,
    pub(crate) kind: Option<UserKind<'a>>,
}

/// The acting user and the application that acted for it.
#[derive(Debug, Default)]
pub(crate) struct Actor<'a> {
    pub(crate) user: User<'a>,
    pub(crate) app_name: Option<Cow<'a, str>>,
    pub(crate) app_uid: Option<Cow<'a, str>>,
    pub(crate) session_uid: Option<Cow<'a, str>>,
    pub(crate) credential_uid: Option<Cow<'a, str>>,
    pub(crate) session_created_ms: Option<i64>,
    /// The user for whom the acting one acted.
    pub(crate) behalf_of: Option<Cow<'a, str>>,
}

impl<'a> User<'a> {
    /// A person of whom one text is known, unless the text names something else: a service, an anonymous guest.
    pub(crate) fn person(name: Cow<'a, str>) -> Self {
        let user = Self::named(name);
        Self {
            kind: user.kind.or(Some(UserKind::User)),
            ..user
        }
    }

    /// A user of whom one text is known: an address, a login name or an id.
    pub(crate) fn named(name: Cow<'a, str>) -> Self {
        let uid_alt = puid(&name);
        let parts = names::read(name);
        Self {
            uid_alt,
            name: Some(parts.name),
            uid: parts.uid,
            email: parts.email,
            kind: parts.kind,
        }
    }

    pub(crate) fn is_nobody(&self) -> bool {
        self.name.is_none() && self.uid.is_none()
    }
}

/// Record types whose UserId is a person although UserType says System: detections in mail, links and files.
const PERSON_DESPITE_SYSTEM: [RecordType; 3] = [
    RecordType::ThreatIntelligence,
    RecordType::ThreatIntelligenceUrl,
    RecordType::ThreatIntelligenceAtpContent,
];

/// Reads the acting user and application. Marks nothing: [`Actor::claim`] does, when they are in the event.
pub(crate) fn actor<'a>(record: &Record<'a>) -> Actor<'a> {
    let ids = record.get("Actor").map(Ids::read).unwrap_or_default();
    let mut actor = Actor {
        app_uid: ids.app_uid.clone(),
        ..Actor::default()
    };
    let parts = user(record, &ids, &mut actor);
    let context = record.get("AppAccessContext");
    let context = |key: &str| context?.get(key).and_then(meaningful);
    applications(record, &mut actor, context);
    actor.app_name = actor.app_name.take().or(parts.app_name);
    let device = |key: &str| record.property("DeviceProperties", key);
    actor.session_uid = device("SessionId")
        .or_else(|| context("AADSessionId"))
        .or_else(|| record.text("SessionId"))
        .or_else(|| record.text("UserSessionId"));
    actor.credential_uid = context("UniqueTokenId");
    // SharePoint and Exchange have different names for the same time.
    actor.session_created_ms = context("TokenIssuedAtTime")
        .or_else(|| context("IssuedAtTime"))
        .and_then(|text| Some(time::parse(&text)?.epoch_ms));
    if ids.kind.as_deref() == Some("ServicePrincipal") {
        // The name says more than `ServicePrincipal_<guid>`.
        let is_id = parts.uid.is_some() && ids.display_name.is_some();
        actor.user.name = if is_id {
            ids.display_name.clone()
        } else {
            actor.user.name.take()
        };
        actor.app_name = actor.app_name.take().or(ids.display_name);
        actor.user.kind = Some(UserKind::Service);
    }
    actor
}

fn applications<'a>(
    record: &Record<'a>,
    actor: &mut Actor<'a>,
    context: impl Fn(&str) -> Option<Cow<'a, str>>,
) {
    // In Power BI, these members name the app that was opened; in sign-ins, ApplicationId is the service.
    let (power_bi, sign_in) = (
        record.record_type == Some(RecordType::PowerBIAudit),
        record.record_type == Some(RecordType::AzureActiveDirectoryStsLogon),
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
        .or_else(|| record.text("ClientProcessName"))
        .or_else(|| {
            let is_endpoint = record.record_type.is_some_and(RecordType::is_endpoint);
            is_endpoint
                .then(|| record.of_endpoint("Application")?.scalar())
                .flatten()
        });
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

/// Reads the acting user into `actor`. Returns what else its name says.
fn user<'a>(record: &Record<'a>, ids: &Ids<'a>, actor: &mut Actor<'a>) -> Parts<'a> {
    let user_id = record.text("UserId");
    let user_key = record.text("UserKey");
    let full = ids.upn.as_ref().or(user_id.as_ref());
    let mut parts = full.cloned().map(names::read).unwrap_or_default();
    let name = full.map(|_| std::mem::take(&mut parts.name));
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
        .or_else(|| parts.uid.clone())
        .or_else(|| user_key.clone().filter(|key| key != NOBODY));
    let uid_alt = ids
        .puid
        .clone()
        .or_else(|| user_key.as_deref().and_then(puid))
        .or_else(|| user_id.as_deref().and_then(puid));
    let user_type = record.int("UserType");
    let despite = record
        .record_type
        .is_some_and(|known| PERSON_DESPITE_SYSTEM.contains(&known));
    let is_person = despite && matches!(user_type, Some(3 | 4));
    let kind = match parts.kind.take() {
        Some(implied) => Some(implied),
        None if is_person => Some(UserKind::User),
        None => user_type.and_then(UserKind::of),
    };
    actor.behalf_of = parts.behalf_of.take();
    actor.user = User {
        name,
        uid,
        uid_alt,
        email: parts.email.take(),
        kind,
    };
    parts
}

impl<'a> Actor<'a> {
    /// Whether anyone or anything is known to have acted.
    pub(crate) fn is_known(&self) -> bool {
        !self.user.is_nobody()
            || self.app_name.is_some()
            || self.app_uid.is_some()
            || self.session_uid.is_some()
    }

    pub(crate) fn app_name(&self) -> Option<&Cow<'a, str>> {
        self.app_name.as_ref()
    }

    /// Whether a service acted of its own accord. On behalf of a person, it is not routine work.
    pub(crate) fn is_system(&self) -> bool {
        self.user.kind == Some(UserKind::System) && self.behalf_of.is_none()
    }

    /// Marks the members that are in the event through this actor.
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
        if !user.is_nobody() && record.int("UserType").and_then(UserKind::of).is_some() {
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
}

/// Who acted, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct Who<'a> {
    /// The name, if a mapping knows better than the record's own members.
    pub(crate) named: Option<Cow<'a, str>>,
    pub(crate) actor: Actor<'a>,
}

impl Who<'_> {
    /// The name to show in messages.
    pub(crate) fn shown(&self, record: &Record<'_>) -> Cow<'_, str> {
        if record.nameless {
            let user = record.text("UserId");
            return Cow::Owned(shown(user.as_ref()).to_owned());
        }
        let name = self.named.as_ref().or(self.actor.user.name.as_ref());
        Cow::Borrowed(shown(name))
    }
}

/// The name, unless it is not worth showing in a message.
fn shown<'n>(name: Option<&'n Cow<'_, str>>) -> &'n str {
    name.map(|name| &**name)
        .filter(|name| !is_noise(name))
        .unwrap_or("unknown")
}
