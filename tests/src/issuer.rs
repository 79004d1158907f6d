//! An identity provider, for API Gateway's JWT authorizer: its discovery document, its keys, and tokens.
//!
//! What it answers is of OpenID Connect Discovery 1.0 and RFC 7517.

use std::net::{Ipv4Addr, SocketAddr};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Outcome;

/// The only key's name.
const KEY_ID: &str = "k1";

/// What stands before the key of RFC 8017 in a PKCS #8 document (RFC 5958) of 2,048 bits: as long for each such key.
const PKCS8_WRAPPER_BYTES: usize = 26;

/// An issuer with one key. It stops when it is dropped.
#[derive(Debug)]
pub struct Issuer {
    address: SocketAddr,
    key: EncodingKey,
    task: JoinHandle<()>,
}

impl Issuer {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// No port is free, or no key can be made.
    pub async fn start() -> Outcome<Self> {
        let key = new_key()?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::RS256)?;
        public.common.key_id = Some(KEY_ID.to_owned());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}");
        let about = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        let keys = json!({"keys": [public]});
        let router = Router::new()
            .route(
                "/.well-known/openid-configuration",
                get(async || Json(about)),
            )
            .route("/keys", get(async || Json(keys)));
        let task = tokio::spawn(async move {
            // It ends with the test; a test that needs it sees that it does not answer.
            axum::serve(listener, router).await.ok();
        });
        Ok(Self { address, key, task })
    }

    /// What `iss` says.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A token with these claims, signed by the key.
    ///
    /// # Errors
    /// The claims are no JSON object.
    pub fn token(&self, claims: &Value) -> Outcome<String> {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(KEY_ID.to_owned());
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn new_key() -> Outcome<EncodingKey> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| "no RSA key can be made")?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| "an RSA key cannot be written")?;
    let inner = der.as_ref().get(PKCS8_WRAPPER_BYTES..);
    Ok(EncodingKey::from_rsa_der(inner.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation};
    use reqwest::Client;

    use super::*;

    /// For a document of a few hundred bytes on the loopback.
    const ANSWER_WITHIN: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_token_is_verified_by_the_key_that_is_published() -> Outcome<()> {
        let issuer = Issuer::start().await?;
        let claims = json!({"iss": issuer.url(), "sub": "A", "aud": "a", "exp": 4_102_444_800_u64});
        let token = issuer.token(&claims)?;
        let about = format!("{}/.well-known/openid-configuration", issuer.url());
        let client = Client::builder().timeout(ANSWER_WITHIN).build()?;
        let about: Value = client.get(about).send().await?.json().await?;
        let keys = about["jwks_uri"].as_str().unwrap_or_default().to_owned();
        let keys: JwkSet = client.get(keys).send().await?.json().await?;
        let key = DecodingKey::from_jwk(keys.find(KEY_ID).ok_or("no such key")?)?;
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&["a"]);
        validation.set_issuer(&[issuer.url()]);
        let read = jsonwebtoken::decode::<Value>(&token, &key, &validation)?;
        assert_eq!(read.claims, claims);
        Ok(())
    }
}
