//! Client addresses, in the forms that Microsoft's services write.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A host, with a port if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host<'a> {
    /// In canonical form; an IPv4-mapped IPv6 address as IPv4.
    Ip(Cow<'a, str>),
    /// A host name, or a text of digits that is not an address.
    Name(&'a str),
}

/// Longest host name (RFC 1035).
const NAME_BYTES_MAX: usize = 255;

/// Parses `v4`, `v4:port`, `v6`, `[v6]`, `[v6]:port`, `[v4]:port`, `::ffff:v4`, `ffff:v4` (seen in a Copilot sample of
/// Microsoft), `host` and `host:port`. `None` when there is no host.
pub(crate) fn parse(text: &str) -> Option<Address<'_>> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('[') {
        let (host, rest) = inner.split_once(']')?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        return Some(Address {
            host: ip(host).map(Host::Ip).or_else(|| name(host))?,
            port,
        });
    }
    if let Some(ip) = ip(text) {
        return Some(Address {
            host: Host::Ip(ip),
            port: None,
        });
    }
    if let Some((host, port)) = text.split_once(':')
        && let Ok(port) = port.parse()
    {
        return Some(Address {
            host: ip(host).map(Host::Ip).or_else(|| name(host))?,
            port: Some(port),
        });
    }
    Some(Address {
        host: name(text)?,
        port: None,
    })
}

/// The canonical form of an IP address.
pub(crate) fn ip(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.parse::<Ipv4Addr>().is_ok() {
        return Some(Cow::Borrowed(text));
    }
    if let Some(v4) = text
        .strip_prefix("ffff:")
        .and_then(|rest| rest.parse::<Ipv4Addr>().ok())
    {
        return Some(Cow::Owned(v4.to_string()));
    }
    let v6: Ipv6Addr = text.parse().ok()?;
    Some(Cow::Owned(match v6.to_ipv4_mapped() {
        Some(v4) => v4.to_string(),
        None => v6.to_string(),
    }))
}

fn name(text: &str) -> Option<Host<'_>> {
    let plausible = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let good = !text.is_empty() && text.len() <= NAME_BYTES_MAX && text.bytes().all(plausible);
    good.then_some(Host::Name(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: &str, port: Option<u16>) {
        let expect = Address {
            host: Host::Ip(Cow::Borrowed(host)),
            port,
        };
        assert_eq!(parse(text), Some(expect), "{text}");
    }

    #[track_caller]
    fn check_name(text: &str, host: &str, port: Option<u16>) {
        assert_eq!(
            parse(text),
            Some(Address {
                host: Host::Name(host),
                port
            }),
            "{text}"
        );
    }

    #[test]
    fn every_observed_form_is_parsed() {
        check("198.51.100.7", "198.51.100.7", None);
        check("198.51.100.7 ", "198.51.100.7", None);
        check("198.51.100.7:443", "198.51.100.7", Some(443));
        check("2001:DB8:0:0::1", "2001:db8::1", None);
        check("[2001:db8::1]", "2001:db8::1", None);
        check("[2001:db8::1]:54088", "2001:db8::1", Some(54088));
        check("[10.11.12.13]:12345", "10.11.12.13", Some(12345));
        check("::ffff:1.2.3.4", "1.2.3.4", None);
        check("ffff:10.11.0.229", "10.11.0.229", None);
        check("::1", "::1", None);
    }

    #[test]
    fn host_names_are_parsed() {
        check_name("mail.contoso.example", "mail.contoso.example", None);
        check_name("mail.contoso.example:25", "mail.contoso.example", Some(25));
        check_name("[host]:25", "host", Some(25));
        check_name("000.000.1.212", "000.000.1.212", None);
    }

    #[test]
    fn texts_without_a_host_are_rejected() {
        for text in [
            "",
            " ",
            "[",
            "[::1",
            "[::1]x",
            "[::1]:99999",
            "a b",
            "fe80::1%eth0",
            "1.2.3.4, 5.6.7.8",
            "<null>",
            ":25",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
