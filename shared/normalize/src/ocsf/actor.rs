//! `user` and `actor`.

use super::event::{Event, ObservableType};
use crate::json::Writer;
use crate::record::{Actor, Record, User, email_domain};

impl<'a> User<'a> {
    /// Writes the object's attributes. Writes nothing without name and uid: the schema requires one of them.
    pub(crate) fn write(&self, w: &mut Writer) {
        if self.is_nobody() {
            return;
        }
        if let Some(name) = &self.name {
            w.text("name", name);
            let address = self.email.as_ref().unwrap_or(name);
            if let Some(domain) = email_domain(address) {
                w.text("email_addr", address);
                w.text("domain", domain);
            }
        }
        w.text_opt("uid", self.uid.as_ref());
        w.text_opt("uid_alt", self.uid_alt.as_ref());
        if let Some(kind) = &self.kind {
            w.int("type_id", i64::from(kind.id()));
            w.text("type", kind.caption());
        }
    }

    /// Adds observables for the name and the address, under an attribute of the class.
    pub(crate) fn observe(
        &self,
        event: &mut Event<'a>,
        name_path: &'static str,
        address_path: &'static str,
    ) {
        if let Some(name) = &self.name {
            event.observe(name_path, ObservableType::UserName, name.clone());
            let address = self.email.as_ref().unwrap_or(name);
            if email_domain(address).is_some() {
                event.observe(address_path, ObservableType::EmailAddress, address.clone());
            }
        }
    }
}

impl<'a> Actor<'a> {
    /// Writes `actor`. With `required`, it is written even when nobody is named.
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
        if let Some(other) = &self.behalf_of {
            // The class has no attribute for it; the whole text is in `unmapped`.
            let kind = if email_domain(other).is_some() {
                ObservableType::EmailAddress
            } else {
                ObservableType::UserName
            };
            event.observe("unmapped", kind, other.clone());
        }
        event.profiles.host |= event.class.actor_needs_host();
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
