//! The login host: token endpoints and consent pages.

pub(crate) mod assertion;
mod consent;
mod credential;
pub(crate) mod error;
mod federated;
pub(crate) mod jwt;
mod token;

pub(crate) use consent::consent;
pub use consent::{Administrator, Decision};
pub use federated::FederatedCredential;
pub(crate) use token::token;
