//! What stands in the place of a secret, and what need not be replaced.

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// Nothing is given away by it: blank, empty JSON, true and false, or already replaced.
pub(super) fn says_nothing(value: &str) -> bool {
    let value = value.trim().trim_start_matches('$');
    // The last is what Entra writes for an authenticator app that gets no notifications.
    matches!(
        value,
        "" | "[]" | "{}" | "null" | REDACTED | "NO_DEVICE_TOKEN"
    ) || value.eq_ignore_ascii_case("true")
        || value.eq_ignore_ascii_case("false")
}
