//! Proving to Entra who the application is, and the access tokens it gives in return.

mod certificate;
mod claims;
mod consent;
mod credential;
mod token;
mod token_cache;
mod token_source;

pub use certificate::{Certificate, InvalidCertificate};
pub(crate) use consent::consent_url;
pub use credential::{
    AssertionSource, Credential, CredentialKind, SecretSource, federation_audience,
};
pub(crate) use token::{MISSING_PERMISSION_LIFETIME, Token};
pub(crate) use token_cache::TokenCache;
pub(crate) use token_source::TokenSource;
