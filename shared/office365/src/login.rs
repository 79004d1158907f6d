//! Asking Entra for a token.

use std::sync::Arc;

use http::StatusCode;
use http::header::ACCEPT;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::error::{Error, Failure, Operation};
use crate::token::Token;
use crate::{Certificate, Client, Cloud, Credential, TenantId, envelope, wire};

/// Longest token answer read; the longest token taken has 16 KiB.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Longest error answer read.
const ERROR_BYTES_MAX: usize = 16 * 1024;

/// Says that the secret is a signed statement (RFC 7523).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Client {
    /// A usable token of the tenant, cached or new.
    pub(crate) async fn token(&self, tenant: TenantId, cloud: Cloud) -> Result<Arc<Token>, Error> {
        let now = (self.config().clock)();
        self.inner()
            .tokens
            .get(cloud, tenant, now, self.ask_for_token(tenant, cloud))
            .await
    }

    /// `POST {login}/{tenant}/oauth2/v2.0/token`
    async fn ask_for_token(&self, tenant: TenantId, cloud: Cloud) -> Result<Token, Error> {
        let config = self.config();
        let fail = |failure| Error::new(Operation::Token, tenant, failure);
        let login_url = config.endpoints.login_url(cloud);
        let url = format!("{login_url}/{tenant}/oauth2/v2.0/token");
        let (proof, name) = self.proof(&url, cloud).await.map_err(fail)?;
        let client_id = config.client_id.to_string();
        let scope = config.endpoints.scope(cloud);
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", client_id.as_str()),
            ("scope", scope.as_str()),
            (name, proof.expose_secret()),
        ];
        if name == "client_assertion" {
            form.push(("client_assertion_type", ASSERTION_TYPE));
        }
        let asked_at = (config.clock)();
        let request = self
            .inner()
            .http
            .post(url)
            .header(ACCEPT, "application/json")
            .form(&form)
            .build()
            .map_err(|_| fail(Failure::Misuse("no token request can be made".to_owned())))?;
        let mut head = wire::send(&self.inner().http, request, config.timeouts)
            .await
            .map_err(fail)?;
        let status = head.response.status();
        if status != StatusCode::OK {
            let retry_after = wire::retry_after(head.response.headers(), asked_at);
            let body = head.body_start(ERROR_BYTES_MAX).await;
            let secret = proof.expose_secret();
            // A gateway that echoes the request echoes it as it was sent.
            let as_sent: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let secrets = [secret, as_sent.as_str()];
            let operation = Operation::Token;
            let failure = envelope::read(operation, status.as_u16(), retry_after, &body, &secrets);
            return Err(fail(failure));
        }
        let body = head.body(ANSWER_BYTES_MAX).await.map_err(fail)?;
        Token::read(&body, asked_at).map_err(|why| fail(Failure::Unreadable(why)))
    }

    /// The credential as a form field: its value and its name.
    async fn proof(
        &self,
        token_url: &str,
        cloud: Cloud,
    ) -> Result<(SecretString, &'static str), Failure> {
        let config = self.config();
        match &config.credential {
            Credential::Secret(secret) => Ok((secret.clone(), "client_secret")),
            Credential::SecretFrom(source) => {
                let secret = source().await.map_err(Failure::NoCredential)?;
                Ok((secret, "client_secret"))
            }
            Credential::Certificate(certificate) => self.assertion(token_url, certificate),
            Credential::CertificateFrom(source) => {
                let pem = source().await.map_err(Failure::NoCredential)?;
                let certificate = Certificate::from_pem(&pem, pem.expose_secret())
                    .map_err(|error| Failure::Credential(error.to_string()))?;
                self.assertion(token_url, &certificate)
            }
            Credential::Federated(source) => {
                let statement = source(cloud).await.map_err(Failure::NoCredential)?;
                Ok((statement, "client_assertion"))
            }
        }
    }

    /// A statement of the application's own, as a form field.
    fn assertion(
        &self,
        token_url: &str,
        certificate: &Certificate,
    ) -> Result<(SecretString, &'static str), Failure> {
        let config = self.config();
        let id = Uuid::from_u128((config.random)());
        let assertion = certificate
            .assertion(token_url, config.client_id, id, (config.clock)())
            .map_err(|error| Failure::Credential(error.to_string()))?;
        Ok((assertion, "client_assertion"))
    }
}
