//! The login host: token endpoints and consent pages.

mod assertion;
mod certificate;
mod consent;
mod credential;
mod error;
mod federated;
mod provider_keys;
mod token;

pub(crate) use certificate::certificates;
pub(crate) use consent::consent;
pub(crate) use token::token;
