//! `user` and `user.target`: who acted, and on whom.

use super::related::Related;
use crate::json::Writer;
use crate::ocsf::{Class, Event};
use crate::record::{Ids, Record, RecordType, Who, email_domain, is_guid, slice, text_of};
use std::borrow::Cow;

/// A user as Elastic's integration writes one: the whole text as the id, and its parts if it has parts.
#[derive(Debug, Clone)]
pub(super) struct Person<'a> {
    id: Cow<'a, str>,
    name: Option<Cow<'a, str>>,
    pub(super) domain: Option<Cow<'a, str>>,
}

impl<'a> Person<'a> {
    /// Reads `name@domain`, `DOMAIN\name`, or a name. A GUID or a claim is an id, not a name.
    pub(super) fn new(id: Cow<'a, str>) -> Self {
        let (from, to) = match (id.find('@'), id.find('\\')) {
            (Some(at), _) if id[at + 1..].find('@').is_none() => (Some((0, at)), Some(at + 1)),
            (None, Some(at)) => (Some((at + 1, id.len())), None),
            (None, None) if !is_guid(&id) && !id.contains('|') => (Some((0, id.len())), None),
            _ => (None, None),
        };
        let part =
            |from: usize, to: usize| Some(slice(&id, from, to)).filter(|part| !part.is_empty());
        let name = from.and_then(|(from, to)| part(from, to));
        let domain = match to {
            Some(at) => part(at, id.len()),
            None => id.find('\\').and_then(|at| part(0, at)),
        };
        Self { name, domain, id }
    }

    fn write(&self, w: &mut Writer) {
        w.text("id", &self.id);
        w.text_opt("name", self.name.as_ref());
        w.text_opt("domain", self.domain.as_ref());
        if email_domain(&self.id).is_some() {
            w.text("email", &self.id);
        }
    }

    /// Adds the short name, as Elastic's integration does, and the whole text.
    pub(super) fn relate(&self, related: &mut Related<'a>) {
        related.user(self.name.as_ref());
        related.user(Some(&self.id));
    }
}

/// Writes `user` with its `target`. Returns the acting user.
pub(super) fn write<'a>(
    record: &Record<'a>,
    event: &Event<'a>,
    who: &Who<'a>,
    related: &mut Related<'a>,
    w: &mut Writer,
) -> Option<Person<'a>> {
    let actor = &who.actor.user;
    let user = who
        .named
        .clone()
        .or_else(|| alerted(record))
        .or_else(|| record.text("UserId"))
        .or_else(|| actor.name.clone())
        .or_else(|| actor.uid.clone())
        .map(Person::new);
    let target = target(record, event).map(Person::new);
    w.object("user", |w| {
        user.iter().for_each(|user| user.write(w));
        w.text_opt("full_name", record.text("LogonUserDisplayName"));
        w.object("target", |w| target.iter().for_each(|user| user.write(w)));
    });
    for person in [&user, &target].into_iter().flatten() {
        person.relate(related);
    }
    // The object id and the PUID connect one person's events in all services.
    for name in [&actor.name, &actor.uid, &actor.uid_alt] {
        related.user(name.as_ref());
    }
    let members = record
        .get("Members")
        .into_iter()
        .flat_map(|members| members.elements());
    for upn in members.filter_map(|member| text_of(member, "UPN")) {
        related.user(Some(&upn));
    }
    user
}

/// The person that an alert of Security & Compliance is about: its UserId is the service's own name.
fn alerted<'a>(record: &Record<'a>) -> Option<Cow<'a, str>> {
    if record.record_type != Some(RecordType::SecurityComplianceAlerts) {
        return None;
    }
    let kind = record.text("EntityType")?;
    matches!(&*kind, "User" | "Recipients" | "Sender")
        .then(|| record.text("AlertEntityId"))
        .flatten()
}

/// The user that was acted on. Elastic's integration writes the id of any directory object here.
fn target<'a>(record: &Record<'a>, event: &Event<'a>) -> Option<Cow<'a, str>> {
    let parameter = |name: &str| record.property("Parameters", name);
    match record.record_type? {
        RecordType::AzureActiveDirectory => {
            let ids = record.get("Target").map(Ids::read).unwrap_or_default();
            let person = matches!(event.class, Class::AccountChange(_))
                || ids.upn.is_some()
                || ids.kind.as_deref() == Some("User");
            let object = record.text("ObjectId");
            let object = object.filter(|object| person || email_domain(object).is_some());
            object.or_else(|| if person { ids.upn.or(ids.oid) } else { None })
        }
        RecordType::SharePointSharingOperation => {
            let kind = record.text("TargetUserOrGroupType")?;
            let person = matches!(&*kind, "Member" | "Guest" | "Partner");
            person
                .then(|| record.text("TargetUserOrGroupName"))
                .flatten()
        }
        RecordType::Yammer => record.text("TargetUserId"),
        RecordType::MicrosoftTeams if matches!(event.class, Class::GroupManagement(_)) => {
            let first = record.get("Members")?.elements().next()?;
            text_of(first, "UPN").or_else(|| text_of(first, "DisplayName"))
        }
        known
            if known.is_cmdlet()
                && matches!(
                    event.class,
                    Class::UserAccess(_) | Class::GroupManagement(_)
                ) =>
        {
            parameter("User")
                .or_else(|| parameter("Trustee"))
                .or_else(|| parameter("Member"))
        }
        RecordType::ExchangeItem | RecordType::ExchangeItemGroup
            if matches!(event.class, Class::UserAccess(_)) =>
        {
            let folder = record.get("Item")?.get("ParentFolder")?;
            text_of(folder, "MemberUpn").or_else(|| text_of(folder, "MemberSid"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(id: &str, name: Option<&str>, domain: Option<&str>) {
        let person = Person::new(Cow::Borrowed(id));
        assert_eq!(
            (person.name.as_deref(), person.domain.as_deref()),
            (name, domain),
            "{id}"
        );
    }

    #[test]
    fn an_id_with_parts_is_taken_apart() {
        check(
            "alex@contoso.example",
            Some("alex"),
            Some("contoso.example"),
        );
        check(r"NT AUTHORITY\SYSTEM", Some("SYSTEM"), Some("NT AUTHORITY"));
        check("app@sharepoint", Some("app"), Some("sharepoint"));
        check("Alex", Some("Alex"), None);
        check("755e500a-6c03-46b0-b53b-282f23374e3b", None, None);
        check(
            "i:0h.f|membership|10030000974e5923@live.com",
            Some("i:0h.f|membership|10030000974e5923"),
            Some("live.com"),
        );
        check("a@b@c", None, None);
        check("@", None, None);
        check("", None, None);
    }
}
