//! The login host: discovery, token endpoints and consent pages.

mod assertion;
mod basic;
mod certificate;
mod consent;
mod credential;
mod discovery;
mod error;
mod federated;
mod provider_keys;
mod token;

pub(crate) use certificate::certificates;
pub(crate) use consent::consent;
pub(crate) use discovery::discovery;
pub(crate) use token::token;
