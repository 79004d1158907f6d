//! Client addresses, in the forms that Microsoft's services write.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A host, with a port if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) host: Host<'a>,
    pub(crate) port: Option<u16>,
    /// The text holds nothing else: no zone, no second address, no name beside the address.
    pub(crate) whole: bool,
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

/// What stands between addresses, or around one: `v4, v4`, `[HOST (v4)]`, `"v4"`.
const AROUND: &[char] = &[
    ' ', '\t', '\r', '\n', ',', ';', '|', '(', ')', '[', ']', '{', '}', '<', '>', '"', '\'', '/',
    '\\', '=',
];

/// Parses `v4`, `v4:port`, `v6`, `[v6]`, `[v6]:port`, `[v4]:port`, `::ffff:v4`, `ffff:v4` (seen in a Copilot sample of
/// Microsoft), `host` and `host:port`; of any other text, the first address in it: `v4%16` (the number of a network
/// interface), `v4, v4, v4` (proxies put the client first), `[HOST (v4)]`. `None` when there is no host.
pub(crate) fn parse(text: &str) -> Option<Address<'_>> {
    plain(text).or_else(|| located(text).next())
}

/// All IP addresses in a text.
pub(crate) fn all(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    located(text).filter_map(|address| match address.host {
        Host::Ip(ip) => Some(ip),
        Host::Name(_) => None,
    })
}

/// The addresses in a text of any form.
fn located(text: &str) -> impl Iterator<Item = Address<'_>> {
    text.split(AROUND)
        .filter_map(with_zone)
        .map(|(ip, port)| Address {
            host: Host::Ip(ip),
            port,
            whole: false,
        })
}

/// Parses `ip`, `ip%zone`, `v4:port`, `::ffff:v4:port`, `ip%zone:port` and `v4:port%zone`.
fn with_zone(text: &str) -> Option<(Cow<'_, str>, Option<u16>)> {
    let (base, zone) = text.split_once('%').unwrap_or((text, ""));
    let port = |text: &str| text.parse().ok();
    if let Some(ip) = ip(base) {
        return Some((ip, zone.rsplit_once(':').and_then(|(_, text)| port(text))));
    }
    let (host, text) = base.rsplit_once(':')?;
    // Without the dot, the port may be the last group of a cut-off v6 address.
    let ip = ip(host).filter(|_| host.contains('.'))?;
    Some((ip, Some(port(text)?)))
}

/// Parses the forms that hold nothing but a host and a port.
fn plain(text: &str) -> Option<Address<'_>> {
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
            whole: true,
        });
    }
    if let Some(ip) = ip(text) {
        return Some(Address {
            host: Host::Ip(ip),
            port: None,
            whole: true,
        });
    }
    if let Some((host, port)) = text.split_once(':')
        && let Ok(port) = port.parse()
    {
        return Some(Address {
            host: ip(host).map(Host::Ip).or_else(|| name(host))?,
            port: Some(port),
            whole: true,
        });
    }
    Some(Address {
        host: name(text)?,
        port: None,
        whole: true,
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
        .or_else(|| text.strip_prefix("FFFF:"))
        .and_then(|rest| rest.parse::<Ipv4Addr>().ok())
    {
        return Some(Cow::Owned(v4.to_string()));
    }
    let v6: Ipv6Addr = text.parse().ok()?;
    if let Some(v4) = v6.to_ipv4_mapped() {
        return Some(Cow::Owned(v4.to_string()));
    }
    let mut canonical = Canonical::default();
    // Writing cannot fail: the buffer holds the longest address.
    let _ = write!(canonical, "{v6}");
    let canonical = std::str::from_utf8(&canonical.bytes[..canonical.len]).ok()?;
    Some(if canonical == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(canonical.to_owned())
    })
}

/// The longest text of an IPv6 address.
const IPV6_BYTES_MAX: usize = 45;

/// The canonical form of an address, without an allocation: most services write this form.
#[derive(Debug)]
struct Canonical {
    bytes: [u8; IPV6_BYTES_MAX],
    len: usize,
}

impl Default for Canonical {
    fn default() -> Self {
        Self {
            bytes: [0; IPV6_BYTES_MAX],
            len: 0,
        }
    }
}

impl std::fmt::Write for Canonical {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let to = self.len + text.len();
        let free = self.bytes.get_mut(self.len..to).ok_or(std::fmt::Error)?;
        free.copy_from_slice(text.as_bytes());
        self.len = to;
        Ok(())
    }
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
            whole: true,
        };
        assert_eq!(parse(text), Some(expect), "{text}");
    }

    /// Checks the address in a text that holds more than it.
    #[track_caller]
    fn check_part(text: &str, host: &str, port: Option<u16>) {
        let expect = Address {
            host: Host::Ip(Cow::Borrowed(host)),
            port,
            whole: false,
        };
        assert_eq!(parse(text), Some(expect), "{text}");
    }

    #[track_caller]
    fn check_name(text: &str, host: &str, port: Option<u16>) {
        assert_eq!(
            parse(text),
            Some(Address {
                host: Host::Name(host),
                port,
                whole: true,
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
    fn the_interface_after_an_address_is_cut_off() {
        check_part("203.0.113.44%16", "203.0.113.44", None);
        check_part("203.0.113.44%12:51111", "203.0.113.44", Some(51_111));
        check_part("203.0.113.44:51111%12", "203.0.113.44", Some(51_111));
        check_part("fe80::1%eth0", "fe80::1", None);
        check_part("fe80::1%12", "fe80::1", None);
        check_part("[fe80::1%12]", "fe80::1", None);
        check_part("::ffff:203.0.113.44%16", "203.0.113.44", None);
    }

    #[test]
    fn the_first_address_of_several_is_the_clients() {
        check_part(
            "203.0.113.18, 198.51.100.2, 192.0.2.119",
            "203.0.113.18",
            None,
        );
        check_part("203.0.113.18,198.51.100.2", "203.0.113.18", None);
        check_part("203.0.113.18;198.51.100.2", "203.0.113.18", None);
        check_part("203.0.113.18 198.51.100.2", "203.0.113.18", None);
        check_part(
            "203.0.113.18:443, 198.51.100.2:80",
            "203.0.113.18",
            Some(443),
        );
        check_part("unknown, 203.0.113.18", "203.0.113.18", None);
        check_part("2001:db8::1, 203.0.113.18", "2001:db8::1", None);
        check_part("[2001:db8::1]:443, 203.0.113.18", "2001:db8::1", None);
        check_part(r#"["203.0.113.18","198.51.100.2"]"#, "203.0.113.18", None);
        let several = all("203.0.113.18, x, [2001:DB8::1]:443, ::ffff:192.0.2.119%3");
        assert_eq!(
            several.collect::<Vec<_>>(),
            ["203.0.113.18", "2001:db8::1", "192.0.2.119"]
        );
    }

    #[test]
    fn an_address_beside_a_name_is_found() {
        check_part("[AM0PR07MB0001 (10.90.0.1)]", "10.90.0.1", None);
        check_part("AM0PR07MB0001 (10.90.0.1)", "10.90.0.1", None);
        check_part("mail.contoso.example [10.90.0.1]", "10.90.0.1", None);
        check_part("mail.contoso.example[2001:db8::1]", "2001:db8::1", None);
        check_part("10.90.0.1/32", "10.90.0.1", None);
        check_part("::ffff:10.90.0.1:443", "10.90.0.1", Some(443));
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
            "[x",
            "a b",
            "a b (c)",
            "%16",
            "1.2.3.256%4",
            "<null>",
            ":25",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
