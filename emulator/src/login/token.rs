//! The token endpoints v1 and v2: client credentials, by secret or by assertion; and the legacy code of a consent.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use http::StatusCode;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use super::error::{LoginError, unknown_tenant};
use super::{basic, credential};
use crate::config::Consent;
use crate::message::access_token;
use crate::message::{Claims, Request, Response, json};
use crate::rng::{SeededRng, hash_text};
use crate::world::SharedState;

/// Names in the tenant's place that stand for many tenants. Client credentials need a single one.
const SHARED_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];

/// Answers a token request.
pub(crate) async fn token(request: &Request) -> Response {
    let mut response = issue(request)
        .await
        .unwrap_or_else(|error| error.response(request.shared.now()));
    // RFC 6749, section 5.2: who tried the header is told which scheme is taken.
    if response.status() == StatusCode::UNAUTHORIZED && basic::is_used(&request.headers) {
        response
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
    }
    response
}

async fn issue(request: &Request) -> Result<Response, LoginError> {
    let mut form: HashMap<String, String> =
        form_urlencoded::parse(&request.body).into_owned().collect();
    basic::merge(&request.headers, &mut form)?;
    let v2 = request.route.rest == "v2";
    let shared = &request.shared;
    let by_code = match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => false,
        Some("authorization_code") if !v2 => true,
        Some(other) => {
            let other: String = other.chars().take(64).collect();
            let text = format!("The app requested an unsupported grant type '{other}'.");
            return Err(LoginError::new(400, "unsupported_grant_type", 70_003, text));
        }
        None => return Err(missing("grant_type")),
    };
    let tenant = if by_code {
        redeem(shared, &form)?
    } else {
        tenant_of(request)?
    };
    let client_id = form.get("client_id").ok_or_else(|| missing("client_id"))?;
    let resource = resource_of(shared, &form, v2)?;
    let roles = roles_of(shared, tenant, client_id)?;
    let by = credential::check(request, &form).await?;
    let mut claims = claims(shared, tenant, resource, roles, by);
    if by_code {
        // A token for a person carries the same permissions as scopes.
        claims.scp = Some(std::mem::take(&mut claims.roles).join(" "));
    }
    Ok(response(shared, &claims, v2))
}

/// The tenant that a code of the legacy consent page stands for. A code works once.
fn redeem(shared: &SharedState, form: &HashMap<String, String>) -> Result<Uuid, LoginError> {
    let code = form.get("code").ok_or_else(|| missing("code"))?;
    shared.codes().remove(code).ok_or_else(|| {
        let text = "The provided authorization code is invalid or has already been redeemed.";
        LoginError::new(400, "invalid_grant", 54_005, text)
    })
}

fn missing(parameter: &str) -> LoginError {
    let text = format!("The request body must contain the following parameter: '{parameter}'.");
    LoginError::new(400, "invalid_request", 900_144, text)
}

fn tenant_of(request: &Request) -> Result<Uuid, LoginError> {
    let text = &request.route.tenant;
    if SHARED_TENANTS.contains(&text.to_ascii_lowercase().as_str()) {
        let text = format!(
            "The grant type is not supported over the /{text} endpoint. Please use the tenant-specific endpoint."
        );
        return Err(LoginError::new(400, "invalid_request", 9_001_023, text));
    }
    let world = request.shared.world();
    let found = request
        .tenant()
        .and_then(|tenant| Some((tenant, world.tenants.get(&tenant)?)));
    match found {
        Some((_, tenant)) if tenant.other_cloud => Err(LoginError::new(
            400,
            "invalid_request",
            900_382,
            "Confidential Client is not supported in Cross Cloud request.",
        )),
        Some((tenant, _)) => Ok(tenant),
        None => Err(unknown_tenant("invalid_request", text)),
    }
}

/// The resource asked for, which becomes `aud`.
fn resource_of(
    shared: &SharedState,
    form: &HashMap<String, String>,
    v2: bool,
) -> Result<String, LoginError> {
    let asked = if v2 {
        if form.contains_key("resource") {
            let text = "The 'resource' request parameter is not supported.";
            return Err(LoginError::new(400, "invalid_request", 901_002, text));
        }
        let scope = form.get("scope").ok_or_else(|| missing("scope"))?;
        scope.strip_suffix("/.default").ok_or_else(|| {
            let text = format!("The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.");
            LoginError::new(400, "invalid_scope", 1_002_012, text)
        })?
    } else {
        form.get("resource").ok_or_else(|| missing("resource"))?
    };
    let asked = asked.trim_end_matches('/');
    let known = [shared.config.resource.as_str(), shared.public_url.as_str()];
    if known
        .iter()
        .any(|resource| resource.trim_end_matches('/').eq_ignore_ascii_case(asked))
    {
        return Ok(asked.to_owned());
    }
    let text = format!(
        "The resource principal named {asked} was not found in the tenant. You might have sent your authentication request to the wrong tenant."
    );
    Err(LoginError::new(400, "invalid_resource", 500_011, text))
}

/// The roles that the tenant gave the application.
fn roles_of(
    shared: &SharedState,
    tenant: Uuid,
    client_id: &str,
) -> Result<Vec<String>, LoginError> {
    let now = shared.now();
    let world = shared.world();
    let state = world.tenants.get(&tenant);
    let known = client_id.parse() == Ok(shared.application.client_id);
    let Some(state) = state.filter(|state| known && state.consent(now) != Consent::Missing) else {
        let client_id: String = client_id.chars().take(64).collect();
        let text = format!(
            "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
        );
        return Err(LoginError::new(400, "unauthorized_client", 700_016, text));
    };
    if state.app_disabled {
        let text = format!("Application '{client_id}' is disabled.");
        return Err(LoginError::new(400, "unauthorized_client", 7_000_112, text));
    }
    if state.resource_disabled {
        let text = format!(
            "The service principal for resource '{}' is disabled. This indicate that a subscription within the tenant has lapsed, or that the administrator for this tenant has disabled the application, preventing tokens from being issued for it.",
            shared.config.resource
        );
        return Err(LoginError::new(400, "invalid_resource", 500_014, text));
    }
    Ok(match state.consent(now) {
        Consent::Granted => state.roles.clone(),
        Consent::Roleless | Consent::Missing => Vec::new(),
    })
}

fn claims(
    shared: &SharedState,
    tenant: Uuid,
    resource: String,
    roles: Vec<String>,
    by: &str,
) -> Claims {
    let number = shared.tokens_issued.fetch_add(1, Ordering::Relaxed);
    let mut rng = SeededRng::of(&[shared.config.seed, hash_text("token"), number]);
    let now = shared.now().as_second();
    // Entra: a random 60 to 90 minutes.
    let lifetime = 3600 + rng.below(1801).cast_signed();
    let (high, low) = tenant.as_u64_pair();
    let principal = SeededRng::of(&[shared.config.seed, hash_text("principal"), high, low]).uuid();
    let issuer = format!("https://sts.windows.net/{tenant}/");
    Claims {
        aud: resource,
        iss: issuer.clone(),
        iat: now,
        nbf: now,
        exp: now + lifetime,
        appid: shared.application.client_id,
        appidacr: by.to_owned(),
        idp: issuer,
        oid: principal,
        roles,
        scp: None,
        sub: principal,
        tid: tenant,
        uti: format!("{:016x}", rng.next()),
        ver: "1.0".to_owned(),
    }
}

fn response(shared: &SharedState, claims: &Claims, v2: bool) -> Response {
    let access_token = access_token::encode(&shared.application.token_key, claims);
    let expires_in = claims.exp - claims.iat - 1;
    let body = if v2 {
        json!({ "token_type": "Bearer", "expires_in": expires_in, "ext_expires_in": expires_in, "access_token": access_token })
    } else {
        json!({
            "token_type": "Bearer",
            "expires_in": expires_in.to_string(),
            "ext_expires_in": expires_in.to_string(),
            "expires_on": claims.exp.to_string(),
            "not_before": claims.nbf.to_string(),
            "resource": claims.aud,
            "access_token": access_token,
        })
    };
    json(200, &body)
}
