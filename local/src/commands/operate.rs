//! Commands that ask a running installation, or tell it what to do, by its API.

mod api;
pub mod certificate;
pub mod check;
pub mod consent;
pub mod events;
pub mod keys;
pub mod losses;
pub mod replay;
pub mod tenants;
