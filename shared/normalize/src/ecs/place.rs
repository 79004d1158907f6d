//! `client`, `source`, `server`, `network`, `host`, `organization`, `user_agent`: where the action came from, and which
//! tenant it was in.

use super::people::Person;
use super::related::Related;
use crate::json::Writer;
use crate::ocsf::Event;
use crate::ocsf::endpoint::{self, Source};
use crate::record::{Record, text_of};
use std::borrow::Cow;

/// Writes all of these fields.
pub(super) fn write<'a>(
    record: &Record<'a>,
    event: &Event<'a>,
    user: Option<&Person<'a>>,
    related: &mut Related<'a>,
    w: &mut Writer,
) {
    let client = endpoint::take_address(record);
    w.object("client", |w| match &client {
        Some((Source::Ip(ip), port)) => {
            w.text("address", ip);
            w.text("ip", ip);
            port.iter().for_each(|port| w.int("port", i64::from(*port)));
        }
        Some((Source::Name(name), port)) => {
            w.text("address", name);
            w.text("domain", name);
            port.iter().for_each(|port| w.int("port", i64::from(*port)));
        }
        None => {}
    });
    if let Some((Source::Name(name), _)) = &client {
        related.host(Some(name));
    }
    write_source(record, event, client, related, w);
    if let Some(server) = server(record.text("OriginatingServer").as_deref()) {
        w.object("server", |w| {
            w.text("address", &server);
            w.text("domain", &server);
        });
        related.host(Some(&server));
    }
    write_organization(record, user, w);
    w.object("user_agent", |w| {
        w.text_opt("original", endpoint::user_agent(record));
    });
}

/// Writes `source`: the client or, for mail that Defender found, the sending server.
fn write_source<'a>(
    record: &Record<'a>,
    event: &Event<'a>,
    client: Option<(Source<'a>, Option<u16>)>,
    related: &mut Related<'a>,
    w: &mut Writer,
) {
    let sender = || record.text("SenderIp").and_then(endpoint::source);
    let (ip, port) = match client.or_else(sender) {
        Some((Source::Ip(ip), port)) => (Some(ip), port),
        Some((Source::Name(_), port)) => (None, port),
        None => (None, None),
    };
    let from = record
        .get("ExchangeMetaData")
        .filter(|_| event.class.is_finding())
        .and_then(|mail| text_of(mail, "From"));
    w.object("source", |w| {
        w.text_opt("ip", ip.as_ref());
        port.iter().for_each(|port| w.int("port", i64::from(*port)));
        w.object("user", |w| w.text_opt("email", from.as_ref()));
    });
    related.user(from.as_ref());
    related.ip(ip.as_ref());
    if let Some(ip) = &ip {
        let kind = if ip.contains(':') { "ipv6" } else { "ipv4" };
        w.object("network", |w| w.text("type", kind));
    }
}

/// The name in Exchange's `NAME (15.20.1234.005)`. The number is the server's version.
fn server(text: Option<&str>) -> Option<Cow<'static, str>> {
    let text = text?;
    let end = text.find(" (").unwrap_or(text.len());
    let name = text[..end].trim_matches(|char: char| char.is_whitespace() || char == '[');
    (!name.is_empty()).then(|| Cow::Owned(name.to_owned()))
}

/// Writes `organization` and `host`. Both are the tenant: Elastic's integration has no other host.
fn write_organization<'a>(record: &Record<'a>, user: Option<&Person<'a>>, w: &mut Writer) {
    let id = record.tenant.as_ref().map(|id| id.to_ascii_lowercase());
    let name = record.text("OrganizationName");
    w.object("organization", |w| {
        w.text_opt("id", id.as_ref());
        w.text_opt("name", name.as_ref());
    });
    w.object("host", |w| {
        w.text_opt("id", id.as_ref());
        let domain = user.and_then(|user| user.domain.as_ref());
        w.text_opt("name", name.as_ref().or(domain));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_without_its_version() {
        let check = |text: &'static str, expect: Option<&str>| {
            assert_eq!(server(Some(text)).as_deref(), expect, "{text}");
        };
        check("AM6PR01MB1234 (15.20.1234.005)\r\n", Some("AM6PR01MB1234"));
        check("[AM6PR01MB1234 (10.0.0.1)]", Some("AM6PR01MB1234"));
        check("AM6PR01MB1234", Some("AM6PR01MB1234"));
        check(" (15.20.1234.005)", None);
    }
}
