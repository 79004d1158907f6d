//! Texts with `*` for any characters.

/// Characters of a pattern: longer than any operation or address.
const PATTERN_CHARS_MAX: usize = 256;

/// A pattern, held in the spelling in which texts are compared: upper and lower case are the same, dashes are `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<char>);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is blank or too long.
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

    /// The pattern covers the whole text. Takes time in proportion to both lengths at the worst, and no memory.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut rest = tidy(text).chars();
        let mut at = 0;
        // After the last `*`: where the pattern goes on, and from where in the text it was tried.
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

/// Without the blanks and the dots that Entra puts behind operations ("Add user.").
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
    fn without_a_star_it_is_the_whole_text_in_any_case() {
        check("Set-Mailbox", "set-MAILBOX", true);
        check("Set-Mailbox", "Set-MailboxPlan", false);
        check("Set-Mailbox", "", false);
        check("Müller@x.example", "MÜLLER@X.example", true);
    }

    #[test]
    fn stars_stand_for_anything_and_for_nothing() {
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
    fn an_operation_is_the_same_with_entras_dot_and_dash() {
        check("Add user", "Add user.", true);
        check("Add user.", "Add user", true);
        check(
            "Update application - *",
            "Update application – Certificates and secrets management ",
            true,
        );
    }

    #[test]
    fn blank_and_endless_patterns_are_refused() {
        for bad in ["", "  ", "...", &"x".repeat(257)] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
        assert!(Pattern::new(&"é".repeat(256)).is_ok());
    }

    /// The same by trying every way to part the text.
    fn slowly(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| slowly(rest, &text[at..])),
            Some((char, rest)) => text.first() == Some(char) && slowly(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn it_is_what_trying_every_way_says(pattern in "[ab*]{1,8}", text in "[ab]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expect = slowly(&chars(&pattern), &chars(&text));
            prop_assert_eq!(Pattern::new(&pattern).unwrap().matches(&text), expect);
        }
    }
}
