//! Texts from outside, made fit for an error message or a log line.

/// Longest message of the JSON parser that is kept.
const JSON_ERROR_CHARS_MAX: usize = 200;

/// Bounds a text, takes out control characters, and redacts the given secrets and whatever looks like a JWT.
pub(crate) fn sanitize(text: &str, chars_max: usize, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "[redacted]");
    }
    let words: Vec<&str> = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(|word| {
            // `eyJ` is the base64 of `{"`, with which every JWT begins.
            if word.contains("eyJ") {
                "[redacted]"
            } else {
                word
            }
        })
        .collect();
    words.join(" ").chars().take(chars_max).collect()
}

/// What the JSON parser complains about, without the values it complains about.
pub(crate) fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // Serde quotes the offending value after these words. In its other messages only our own field names stand.
    let quotes_input = ["invalid type", "invalid value", "unknown variant"];
    match quotes_input.iter().find(|words| text.starts_with(**words)) {
        Some(words) => format!("{words} at {}", json_position(error)),
        None => text.chars().take(JSON_ERROR_CHARS_MAX).collect(),
    }
}

/// Where the JSON parser stopped.
pub(crate) fn json_position(error: &serde_json::Error) -> String {
    format!("line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_tokens_and_control_characters_are_taken_out() {
        let secret = "s3cr3t~value";
        let text = format!("bad\r\n\u{1b}[31m {secret} Bearer eyJhbGciOiJ9.eyJ0aWQi.sig end");
        assert_eq!(
            sanitize(&text, 300, &[secret]),
            "bad [31m [redacted] Bearer [redacted] end"
        );
    }

    #[test]
    fn a_long_text_is_cut_by_characters() {
        assert_eq!(sanitize(&"ä".repeat(1000), 300, &[]).chars().count(), 300);
    }
}
