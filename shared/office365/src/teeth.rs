//! A deliberate bug, for the simulation: it is there with the feature `teeth` alone, which only the package `tests` turns on.

#[cfg(feature = "teeth")]
thread_local! {
    static SHARES_TOKEN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// From now on all tenants share one access token on this thread, or do not.
#[cfg(feature = "teeth")]
pub fn share_token(shares: bool) {
    SHARES_TOKEN.set(shares);
}

/// Whether the client has the bug.
#[cfg(feature = "teeth")]
pub(crate) fn shares_token() -> bool {
    SHARES_TOKEN.get()
}

/// Whether the client has the bug: never.
#[cfg(not(feature = "teeth"))]
pub(crate) const fn shares_token() -> bool {
    false
}
