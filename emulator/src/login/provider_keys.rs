//! The keys of an identity provider.

use std::time::Duration;

use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;

/// Longest wait for a provider's documents.
const PROVIDER_TIMEOUT: Duration = Duration::from_secs(10);

/// Keys of a provider that are looked at: Entra keeps the first 100.
const KEYS_MAX: usize = 100;

/// Longest document of a provider that is read: 100 keys of 4096 bits have some 90 KB.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// Why a provider's keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("the provider does not answer: {0}")]
    Request(#[from] reqwest::Error),
    #[error("a document of the provider is not as OpenID describes it: {0}")]
    Document(#[from] serde_json::Error),
    #[error("a document of the provider is longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    #[error("the provider calls itself {0}, not as its assertion does")]
    OtherIssuer(String),
}

/// The provider's keys. Its discovery document says where they are, and must name the issuer as the assertion does.
pub(super) async fn provider_keys(
    client: &reqwest::Client,
    issuer: &str,
) -> Result<Vec<Jwk>, KeySetError> {
    let discovery = format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    );
    let discovery: Discovery = serde_json::from_slice(&document(client, discovery).await?)?;
    if discovery.issuer != issuer {
        return Err(KeySetError::OtherIssuer(discovery.issuer));
    }
    let set: JwkSet = serde_json::from_slice(&document(client, discovery.jwks_uri).await?)?;
    Ok(set.keys.into_iter().take(KEYS_MAX).collect())
}

async fn document(client: &reqwest::Client, url: String) -> Result<Vec<u8>, KeySetError> {
    let response = client.get(url).timeout(PROVIDER_TIMEOUT).send().await?;
    let mut response = response.error_for_status()?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if body.len() + piece.len() > DOCUMENT_BYTES_MAX {
            return Err(KeySetError::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
