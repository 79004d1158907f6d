//! Calls that only find out how things stand: a new token and what it says, and a webhook called as Microsoft calls it.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::client::Client;
use super::subscription::Webhook;
use crate::auth::CredentialKind;
use crate::names::{Cloud, TenantId};
use crate::transport::{Error, Failure};

/// What came of asking the login host for a new token.
#[derive(Debug, Clone)]
pub struct TokenReport {
    /// What the token says, or why there is none.
    pub token: Result<TokenFacts, Error>,
    /// The login host's clock, in whole seconds; none when it did not answer.
    pub server_date: Option<Timestamp>,
}

/// What a token says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// The application permissions that it grants; `None` when the token cannot be read.
    pub roles: Option<Vec<String>>,
    /// What is wrong with it: it is for another tenant, or another API.
    pub mismatch: Option<String>,
}

/// The application's credential, without what is secret of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialReport {
    /// Its kind.
    pub kind: CredentialKind,
    /// Until when it is valid, where that is known: only of a certificate.
    pub not_after: Option<Timestamp>,
}

impl Client {
    /// Asks for a new token, however good the one at hand is: only a new one shows the consent and the credential of now. Later
    /// calls use it.
    pub async fn token_report(&self, tenant: TenantId, cloud: Cloud) -> TokenReport {
        let tokens = &self.inner().tokens;
        let (token, server_date) = tokens.renew(tenant, cloud).await;
        let token = token.map(|token| TokenFacts {
            roles: token.roles(),
            mismatch: tokens.mismatch(&token, tenant, cloud),
        });
        TokenReport { token, server_date }
    }

    /// What can be said of the credential without asking Entra.
    pub async fn credential_report(&self) -> CredentialReport {
        let credential = &self.config().credential;
        CredentialReport {
            kind: credential.kind(),
            not_after: credential.not_after().await,
        }
    }

    /// Calls a webhook as Microsoft does to validate it, with a code that nobody knows. Returns the status; only 200 counts at
    /// Microsoft. No token goes with it. The address must be https where Microsoft's own servers are used.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn call_webhook(&self, webhook: &Webhook) -> Result<u16, Failure> {
        let code = Uuid::from_u128((self.config().random)()).to_string();
        let header = |text: &str| {
            let value = HeaderValue::from_str(text);
            value.map_err(|_| Failure::Misuse("the authId fits into no header".to_owned()))
        };
        let mut auth_id = header(webhook.auth_id.expose_secret())?;
        auth_id.set_sensitive(true);
        let mut request = reqwest::Request::new(Method::POST, webhook.address.clone());
        let headers = request.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        headers.insert("webhook-authid", auth_id);
        headers.insert("webhook-validationcode", header(&code)?);
        let body = serde_json::json!({ "validationCode": code }).to_string();
        *request.body_mut() = Some(body.into());
        let response = self.inner().http.send(request).await?;
        Ok(response.status().as_u16())
    }
}
