//! Names of operations as words.

/// Longest text of an attribute that is shown, in characters: it is for a row of a table.
pub(super) const SHOWN_CHARS_MAX: usize = 200;

/// The beginning of a text, on one line.
pub(super) fn shown(text: &str) -> String {
    let one_line = |char: char| if char.is_control() { ' ' } else { char };
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).map(one_line).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// `FileUploaded` as "file uploaded", `Add-MailboxPermission` as "add mailbox permission". Words of capitals stay as they are.
pub(super) fn spelled_out(name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for part in name.split(|char: char| !char.is_alphanumeric()) {
        let chars: Vec<char> = part.chars().collect();
        let mut word = String::new();
        for (at, char) in chars.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| chars[before]);
            let after = chars.get(at + 1);
            let begins = char.is_uppercase()
                && before.is_some_and(|before| {
                    !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
                });
            if begins && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            word.push(*char);
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    let lower = |word: String| {
        let is_acronym = word.chars().count() > 1 && !word.chars().any(char::is_lowercase);
        if is_acronym {
            word
        } else {
            word.to_lowercase()
        }
    };
    let words: Vec<String> = words.into_iter().map(lower).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_spelled_out() {
        for (name, expect) in [
            ("FileUploaded", "file uploaded"),
            ("Add-MailboxPermission", "add mailbox permission"),
            ("Add member to role.", "add member to role"),
            ("DLPRuleMatch", "DLP rule match"),
            ("New-InboxRule", "new inbox rule"),
            ("MailItemsAccessed", "mail items accessed"),
            ("", ""),
        ] {
            assert_eq!(spelled_out(name), expect, "{name}");
        }
    }

    #[test]
    fn a_shown_text_is_short_and_on_one_line() {
        assert_eq!(shown("a\nb\u{0}"), "a b ");
        assert_eq!(
            shown(&"x".repeat(10_000)).chars().count(),
            SHOWN_CHARS_MAX + 1
        );
    }
}
