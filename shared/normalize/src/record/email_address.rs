//! Email addresses that OCSF accepts.

use memchr::memchr;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_valid_in_the_schema_are_accepted() {
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
