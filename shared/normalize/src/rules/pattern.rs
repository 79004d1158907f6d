//! Patterns in which `*` stands for any characters.

/// Longest pattern in characters: longer than any operation or address.
const PATTERN_CHARS_MAX: usize = 256;

/// A pattern, stored as texts are compared: in one case, with `-` for all dashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<char>);

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// The pattern is blank or too long.
    pub(crate) fn new(text: &str) -> Result<Self, &'static str> {
        let text = tidy(text);
        if text.is_empty() {
            return Err("is blank");
        }
        if text.chars().count() > PATTERN_CHARS_MAX {
            return Err("is longer than 256 characters");
        }
        Ok(Self(text.chars().map(fold).collect()))
    }

    /// Whether the pattern matches the whole text. The worst case takes time proportional to the product of both
    /// lengths; no memory is allocated.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut rest = tidy(text).chars();
        let mut at = 0;
        // After the last `*`: where to resume in the pattern, and the last position tried in the text.
        let mut star: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            if self.0.get(at) == Some(&'*') {
                at += 1;
                star = Some((at, rest.clone()));
                continue;
            }
            match rest.next() {
                None => match self.0.get(at) {
                    None => return true,
                    Some(_) => return false,
                },
                Some(char) if self.0.get(at) == Some(&fold(char)) => at += 1,
                Some(_) => {
                    let Some((after, from)) = &mut star else {
                        return false;
                    };
                    from.next();
                    rest = from.clone();
                    at = *after;
                }
            }
        }
    }
}

/// Without the blanks and dots that Entra writes after operations ("Add user.").
fn tidy(text: &str) -> &str {
    text.trim().trim_end_matches(['.', ' '])
}

fn fold(char: char) -> char {
    match char {
        '\u{2013}' | '\u{2014}' => '-',
        _ if char.is_ascii() => char.to_ascii_lowercase(),
        _ => char.to_lowercase().next().unwrap_or(char),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, expect: bool) {
        let read = Pattern::new(pattern).unwrap();
        assert_eq!(read.matches(text), expect, "{pattern} {text}");
    }

    #[test]
    fn without_a_star_the_whole_text_must_match_in_any_case() {
        check("Set-Mailbox", "set-MAILBOX", true);
        check("Set-Mailbox", "Set-MailboxPlan", false);
        check("Set-Mailbox", "", false);
        check("Müller@x.example", "MÜLLER@X.example", true);
    }

    #[test]
    fn a_star_matches_any_characters_or_none() {
        check("*", "", true);
        check("Set-*", "Set-", true);
        check("Set-*", "Get-Set-", false);
        check("*@contoso.example", "alex@contoso.example", true);
        check("a*b*c", "a-bb-c-c", true);
        check("a*b*c", "a-c-b", false);
        check("**", "x", true);
        check(r"NT AUTHORITY\*", r"NT AUTHORITY\SYSTEM (w3wp)", true);
        check(r"NT AUTHORITY\*", r"CONTOSO\NT AUTHORITY\x", false);
    }

    #[test]
    fn entras_dots_and_dashes_do_not_matter() {
        check("Add user", "Add user.", true);
        check("Add user.", "Add user", true);
        check(
            "Update application - *",
            "Update application – Certificates and secrets management ",
            true,
        );
    }

    #[test]
    fn blank_and_overlong_patterns_are_rejected() {
        for bad in ["", "  ", "...", &"x".repeat(257)] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
        assert!(Pattern::new(&"é".repeat(256)).is_ok());
    }

    /// The same result, by trying every way to split the text.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| slowly(rest, &text[at..])),
            Some((char, rest)) => text.first() == Some(char) && slowly(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_trying_every_split(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expect = slowly(&chars(&pattern), &chars(&text));
            prop_assert_eq!(Pattern::new(&pattern).unwrap().matches(&text), expect);
        }
    }
}
