//! `related`: all addresses, users, hosts and hashes of a document, each kind in one place, for searching.

use crate::json::Writer;
use crate::record::{address, is_noise};
use std::borrow::Cow;

/// Values of one kind in one document. A record may list thousands of members or items; all of them are in
/// `o365.audit`.
const RELATED_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Related<'a> {
    hashes: Vec<Cow<'a, str>>,
    hosts: Vec<Cow<'a, str>>,
    ips: Vec<Cow<'a, str>>,
    users: Vec<Cow<'a, str>>,
}

impl<'a> Related<'a> {
    pub(super) fn hash(&mut self, hash: Option<&Cow<'a, str>>) {
        add(&mut self.hashes, hash);
    }

    pub(super) fn host(&mut self, host: Option<&Cow<'a, str>>) {
        add(&mut self.hosts, host);
    }

    /// Adds an address in canonical form. An address that an index would refuse is left out.
    pub(super) fn ip(&mut self, ip: Option<&Cow<'a, str>>) {
        add(
            &mut self.ips,
            ip.filter(|ip| address::ip(ip).is_some_and(|canonical| canonical == **ip)),
        );
    }

    pub(super) fn user(&mut self, user: Option<&Cow<'a, str>>) {
        add(&mut self.users, user);
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.object("related", |w| {
            w.texts("hash", &self.hashes);
            w.texts("hosts", &self.hosts);
            w.texts("ip", &self.ips);
            w.texts("user", &self.users);
        });
    }
}

fn add<'a>(to: &mut Vec<Cow<'a, str>>, value: Option<&Cow<'a, str>>) {
    let Some(value) = value.filter(|value| !is_noise(value)) else {
        return;
    };
    if to.len() < RELATED_MAX && !to.contains(value) {
        to.push(value.clone());
    }
}
