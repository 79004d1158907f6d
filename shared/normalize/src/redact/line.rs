//! Secrets in text that is not JSON: command lines, and JSON that was cut off.

use super::names::is_secret;
use super::replacement::{REDACTED, says_nothing};

/// A command line as Security & Compliance writes it (`-Name "value" -Switch:$true`) without its secrets, or `None` if
/// it has none. A value ends where the next parameter begins, so a quote in a password does not expose the rest of it.
pub(super) fn redacted(line: &str) -> Option<String> {
    let mut new = String::with_capacity(line.len());
    let mut done = 0;
    let mut rest = parameters(line).into_iter().peekable();
    while let Some((start, end)) = rest.next() {
        if !is_secret(&line[start..end]) {
            continue;
        }
        // Steps back over the blank and the dash before the next name.
        let until = rest.peek().map_or(line.len(), |(next, _)| next - 2);
        let value = line[end..until].trim_start_matches([' ', ':']);
        let from = until - value.len();
        if says_nothing(value.trim().trim_matches(['"', '\''])) {
            continue;
        }
        new.push_str(&line[done..from]);
        new.push('"');
        new.push_str(REDACTED);
        new.push('"');
        done = until;
    }
    new.push_str(&line[done..]);
    (done > 0).then_some(new)
}

/// The positions of parameter names: after a dash at the start or after a blank, and before a blank, a colon or the
/// end.
fn parameters(line: &str) -> Vec<(usize, usize)> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    for at in 0..bytes.len() {
        let begins = bytes[at] == b'-' && (at == 0 || bytes[at - 1] == b' ');
        if !begins {
            continue;
        }
        let letters = bytes[at + 1..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let end = at + 1 + letters;
        if letters > 0 && matches!(bytes.get(end), None | Some(b' ' | b':')) {
            found.push((at + 1, end));
        }
    }
    found
}

/// Whether a text that is not JSON contains the quoted name of a secret.
pub(super) fn has_secret_member(text: &str) -> bool {
    let is_word = |part: &&str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    // JSON in a JSON string has escaped quotes, which leave a backslash at the end of a part.
    let mut parts = text.split('"').map(|part| part.trim_end_matches('\\'));
    parts.next();
    parts.filter(is_word).any(is_secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: &str) {
        let new = redacted(line);
        assert_eq!(new.as_deref().unwrap_or(line), expect);
        assert_eq!(redacted(expect), None, "twice is once");
    }

    #[test]
    fn only_secret_parameters_are_replaced() {
        check(
            r#"-Name "x" -Password "hunter2" -Force "True""#,
            r#"-Name "x" -Password "[redacted]" -Force "True""#,
        );
        check("-ClientSecret:abc", r#"-ClientSecret:"[redacted]""#);
        check(r#"-Password "a" b" c"#, r#"-Password "[redacted]""#);
        check(
            "-AccessKey a-b -Identity c",
            r#"-AccessKey "[redacted]" -Identity c"#,
        );
        check(
            r#"-ResetPasswordOnNextLogon "True" -Password -Identity "-Password x""#,
            r#"-ResetPasswordOnNextLogon "True" -Password -Identity "-Password x""#,
        );
        check("-é -", "-é -");
    }

    #[test]
    fn cut_json_is_recognized_by_its_names() {
        assert!(has_secret_member(r#"[{"SecretText":"abc"#));
        assert!(has_secret_member(r#"[{"a":1,"Password" : "abc"#));
        assert!(has_secret_member(r#"[{\"Password\":\"abc"#));
        assert!(!has_secret_member(
            r#"[KeyIdentifier=1,KeyType=Password,KeyUsage=Verify,DisplayName="x"]"#
        ));
        assert!(has_secret_member(r#"[{"Name":"Password","NewValue":"abc"#));
        assert!(!has_secret_member(r#"[{"a":"the password was changed","b"#));
    }
}
