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
            if let Some(domain) = email_domain(name) {
                w.text("email_addr", name);
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
            if email_domain(name).is_some() {
                event.observe(address_path, ObservableType::EmailAddress, name.clone());
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
