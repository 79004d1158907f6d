//! The login host: token endpoints and consent pages.

mod consent;
pub(crate) mod error;
pub(crate) mod jwt;
mod token;

pub(crate) use consent::consent;
pub(crate) use token::token;
