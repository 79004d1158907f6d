//! The login host: token endpoints and consent pages.

pub(crate) mod assertion;
mod consent;
pub(crate) mod error;
pub(crate) mod jwt;
mod token;

pub(crate) use consent::consent;
pub use consent::{Administrator, Decision};
pub(crate) use token::token;
