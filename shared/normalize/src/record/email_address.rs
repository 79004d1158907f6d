//! Email addresses that OCSF accepts.

use memchr::{memchr, memchr_iter};

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

/// The addresses in a text: alone, in a list, or with a name and a kind, as in `"Pat" [SMTP:pat@fabrikam.example]`.
///
/// An address with a character that separates the parts of such texts, such as `=`, is not found whole, and so not at
/// all.
pub(crate) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let local = |byte: u8| {
        byte.is_ascii_alphanumeric() || b".!#$%'+-^_~".contains(&byte) || !byte.is_ascii()
    };
    let domain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    memchr_iter(b'@', bytes).filter_map(move |at| {
        let before = bytes[..at].iter().rev();
        let from = at - before.take_while(|byte| local(**byte)).count();
        let after = bytes[at + 1..].iter();
        let to = at + 1 + after.take_while(|byte| domain(**byte)).count();
        // Both ends are beside an ASCII character or at an end of the text. A quote may enclose the address.
        let address = text.get(from..to)?.trim_start_matches(['\'', '.']);
        let address = address.trim_end_matches(['.', '-']);
        email_domain(address).map(|_| address)
    })
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

    #[test]
    fn addresses_are_found_in_any_form() {
        let check = |text: &str, expect: &[&str]| {
            assert_eq!(addresses(text).collect::<Vec<_>>(), expect, "{text}");
        };
        check("pat@fabrikam.example", &["pat@fabrikam.example"]);
        check("smtp:pat@fabrikam.example", &["pat@fabrikam.example"]);
        check("SMTP:Pat@Fabrikam.example", &["Pat@Fabrikam.example"]);
        check(
            r#""Pat P." [SMTP:pat@fabrikam.example]"#,
            &["pat@fabrikam.example"],
        );
        check("Pat <pat@fabrikam.example>", &["pat@fabrikam.example"]);
        check("a@b.example,c@d.example", &["a@b.example", "c@d.example"]);
        check(
            "a@b.example; 'c@d.example'",
            &["a@b.example", "c@d.example"],
        );
        check(
            "{a@b.example, SMTP:c@d.example}",
            &["a@b.example", "c@d.example"],
        );
        check("Forward to a@b.example.", &["a@b.example"]);
        check("ForwardTo=a@b.example", &["a@b.example"]);
        check("o'neil+tag@a.example", &["o'neil+tag@a.example"]);
        check(
            "pat_fabrikam.example#EXT#@contoso.example",
            &["pat_fabrikam.example#EXT#@contoso.example"],
        );
        check(r#""Pat" [EX:/o=Contoso/cn=Recipients/cn=pat]"#, &[]);
        check("é.a@b.example", &[]);
        check("a@b @c.example @", &[]);
        check("", &[]);
    }
}
