//! What replaces a secret, and which values are not replaced.

/// Replaces a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// Whether the value reveals nothing: it is blank, empty JSON, true, false, or already replaced.
pub(super) fn says_nothing(value: &str) -> bool {
    let value = value.trim().trim_start_matches('$');
    // Entra writes NO_DEVICE_TOKEN for an authenticator app that gets no notifications.
    matches!(
        value,
        "" | "[]" | "{}" | "null" | REDACTED | "NO_DEVICE_TOKEN"
    ) || value.eq_ignore_ascii_case("true")
        || value.eq_ignore_ascii_case("false")
}
