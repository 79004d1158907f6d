//! The application's credential in a token request: a secret, an assertion of its own, or one of another identity provider.

use std::collections::HashMap;

use http::header::HOST;

use super::assertion::{ASSERTION_TYPE, refused};
use super::certificate::{self, Expected};
use super::error::LoginError;
use super::federated;
use crate::config::CredentialState;
use crate::message::Request;
use crate::world::SharedState;

/// From this many on, assertions that have expired are no longer remembered against replay.
const ASSERTIONS_MAX: usize = 100_000;

/// Checks the secret or the assertion. Gives the `appidacr` of the token.
pub(crate) async fn check(
    request: &Request,
    form: &HashMap<String, String>,
) -> Result<&'static str, LoginError> {
    let shared = &request.shared;
    match (form.get("client_secret"), form.get("client_assertion")) {
        (Some(secret), _) => check_secret(shared, secret).map(|()| "1"),
        (None, Some(assertion))
            if form
                .get("client_assertion_type")
                .is_some_and(|kind| kind == ASSERTION_TYPE) =>
        {
            check_assertion(request, assertion).await.map(|()| "2")
        }
        _ => {
            let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            Err(LoginError::new(401, "invalid_client", 7_000_218, text))
        }
    }
}

fn check_secret(shared: &SharedState, secret: &String) -> Result<(), LoginError> {
    let client_id = shared.application.client_id;
    let state = *shared.credential();
    let is_ours = *secret == shared.application.client_secret;
    if is_ours && state == CredentialState::Valid {
        Ok(())
    } else if (is_ours && state == CredentialState::Expired)
        || shared.config.expired_client_secrets.contains(secret)
    {
        let text = format!(
            "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."
        );
        Err(LoginError::new(401, "invalid_client", 7_000_222, text))
    } else {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client_id}'."
        );
        Err(LoginError::new(401, "invalid_client", 7_000_215, text))
    }
}

async fn check_assertion(request: &Request, assertion: &str) -> Result<(), LoginError> {
    let shared = &request.shared;
    let registered = &shared.config.federated_credentials;
    // A certificate's assertion is issued by the application itself.
    let foreign = federated::issuer(assertion)
        .is_some_and(|issuer| issuer.parse() != Ok(shared.application.client_id));
    if foreign && !registered.is_empty() {
        return federated::verify(&shared.webhook_client, assertion, registered, shared.now())
            .await;
    }
    check_own_assertion(request, assertion)
}

fn check_own_assertion(request: &Request, assertion: &str) -> Result<(), LoginError> {
    let shared = &request.shared;
    let path = request.target.split('?').next().unwrap_or_default();
    let mut audiences = vec![format!(
        "{}{}",
        shared.public_url,
        path.trim_start_matches('/')
    )];
    if let Some(host) = request
        .headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
    {
        audiences.extend(["http", "https"].map(|scheme| format!("{scheme}://{host}{path}")));
    }
    let now = shared.now();
    let state = *shared.credential();
    let expected = Expected {
        certificates: match state {
            CredentialState::Removed => &[],
            CredentialState::Valid | CredentialState::Expired => &shared.certificates,
        },
        audiences: &audiences,
        client_id: shared.application.client_id,
        now,
    };
    let verified = certificate::verify(assertion, &expected)?;
    if state == CredentialState::Expired {
        let text = "The certificate with identifier used to sign the client assertion is expired on application.";
        return Err(refused(700_027, text));
    }
    let mut seen = shared.assertions();
    if seen.len() >= ASSERTIONS_MAX {
        seen.retain(|_, expires| *expires > now.as_second());
    }
    if seen.insert(verified.jti, verified.expires).is_some() {
        return Err(LoginError::new(
            401,
            "invalid_client",
            50_013,
            "Assertion failed: its jti was used before.",
        ));
    }
    Ok(())
}
