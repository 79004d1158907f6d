//! All tenants at once: how each stands, a look at all of them that is kept for some seconds, and their figures.

pub(super) mod list;
pub(super) mod overview;
pub(super) mod snapshot;
pub(super) mod standing;
