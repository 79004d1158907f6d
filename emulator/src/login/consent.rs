//! The consent pages: an administrator agrees or declines, and the browser is sent back.

use http::header::{HeaderValue, LOCATION};
use url::{Position, Url};
use uuid::Uuid;

use super::error::LoginError;
use crate::config::{Administrator, Decision};
use crate::message::{Request, Response, empty, html};
use crate::world::{SharedState, tenant_ids};

/// At most this many codes of the legacy flow wait to be redeemed.
const CODES_MAX: usize = 1_000;

/// Answers a request for consent.
pub(crate) fn consent(request: &Request) -> Response {
    let administrator = request.shared.administrator().clone();
    match decide(request, &administrator) {
        Ok(response) => response,
        Err(error) => {
            let text = format!(
                "<html><head><title>Sign in to your account</title></head><body>AADSTS{}: {}</body></html>",
                error.number, error.text
            );
            html(error.status, text)
        }
    }
}

fn decide(request: &Request, administrator: &Administrator) -> Result<Response, LoginError> {
    let shared = &request.shared;
    let given = |name: &str| {
        let text = || format!("The request body must contain the following parameter: '{name}'.");
        request
            .query
            .get(name)
            .ok_or_else(|| LoginError::new(400, "invalid_request", 900_144, text()))
    };
    let client_id = given("client_id")?;
    if client_id.parse() != Ok(shared.application.client_id) {
        let client_id: String = client_id
            .chars()
            .take(64)
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let text =
            format!("Application with identifier '{client_id}' was not found in the directory.");
        return Err(LoginError::new(400, "unauthorized_client", 700_016, text));
    }
    let redirect = redirect_uri(shared, given("redirect_uri")?)?;
    let tenant = tenant_of(request, administrator)?;
    let decision = match request.query.get("emulator_decision") {
        Some("accept") => Decision::Accept,
        Some("decline") => Decision::Decline,
        _ => administrator.decision,
    };
    Ok(match decision {
        Decision::Ask => page(request, tenant),
        Decision::Accept => {
            shared.accept_consent(tenant);
            accepted(request, administrator, tenant, redirect)
        }
        Decision::Decline => declined(request, administrator, redirect),
    })
}

fn redirect_uri(shared: &SharedState, text: &str) -> Result<Url, LoginError> {
    let registered = shared.redirect_uris();
    let uri = text.parse::<Url>().ok();
    uri.filter(|uri| registered.is_empty() || registered.iter().any(|known| is_same(known, uri, text)))
        .ok_or_else(|| {
            let text = format!(
                "The redirect URI specified in the request does not match the redirect URIs configured for the application '{}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
                shared.application.client_id
            );
            LoginError::new(400, "invalid_request", 50_011, text)
        })
}

/// Entra compares letter by letter, upper and lower case too. An address without a path counts as one with `/`, and the port of
/// a loopback address does not count (RFC 8252, section 7.3).
fn is_same(known: &Url, uri: &Url, text: &str) -> bool {
    let is_loopback = |url: &Url| {
        url.scheme() == "http"
            && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
    };
    if is_loopback(known) && is_loopback(uri) {
        let rest = |url: &Url| {
            (
                url.host_str().map(str::to_owned),
                url[Position::BeforePath..].to_owned(),
            )
        };
        return rest(known) == rest(uri);
    }
    let known = known.as_str();
    known == text || known.strip_suffix('/') == Some(text) && uri.path() == "/"
}

fn tenant_of(request: &Request, administrator: &Administrator) -> Result<Uuid, LoginError> {
    let world = request.shared.world();
    let shared_place =
        ["common", "organizations"].contains(&request.route.tenant.to_ascii_lowercase().as_str());
    let tenant = if shared_place {
        administrator
            .tenant
            .or_else(|| tenant_ids(&request.shared.config).first().copied())
    } else {
        request.tenant()
    };
    tenant
        .filter(|tenant| world.tenants.contains_key(tenant))
        .ok_or_else(|| LoginError::new(400, "invalid_request", 90_002, "The tenant was not found."))
}

fn accepted(
    request: &Request,
    administrator: &Administrator,
    tenant: Uuid,
    mut redirect: Url,
) -> Response {
    if request.route.rest == "legacy" {
        let code = Uuid::new_v4().to_string();
        let mut codes = request.shared.codes();
        if codes.len() >= CODES_MAX {
            codes.clear();
        }
        codes.insert(code.clone(), tenant);
        redirect.query_pairs_mut().append_pair("code", &code);
        return back(request, administrator, redirect);
    }
    let named = administrator.forged_tenant.unwrap_or(tenant).to_string();
    redirect
        .query_pairs_mut()
        .append_pair("admin_consent", "True")
        .append_pair("tenant", &named);
    if let Some(scope) = request
        .query
        .get("scope")
        .filter(|_| request.route.rest == "v2")
    {
        redirect.query_pairs_mut().append_pair("scope", scope);
    }
    back(request, administrator, redirect)
}

fn declined(request: &Request, administrator: &Administrator, mut redirect: Url) -> Response {
    match request.route.rest.as_str() {
        "v2" => redirect
            .query_pairs_mut()
            .append_pair("admin_consent", "True")
            .append_pair("error", "consent_required")
            .append_pair(
                "error_description",
                "AADSTS65004: The resource owner or authorization server denied the request.",
            ),
        "v1" => redirect
            .query_pairs_mut()
            .append_pair("error", "permission_denied")
            .append_pair("error_description", "The admin canceled the request"),
        _ => redirect
            .query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair(
                "error_description",
                "AADSTS65004: User declined to consent to access the app.",
            ),
    };
    back(request, administrator, redirect)
}

/// Sends the browser back, with the state it came with.
fn back(request: &Request, administrator: &Administrator, mut redirect: Url) -> Response {
    if let Some(state) = request
        .query
        .get("state")
        .filter(|_| !administrator.omit_state)
    {
        redirect.query_pairs_mut().append_pair("state", state);
    }
    let mut response = empty(302);
    if let Ok(location) = HeaderValue::from_str(redirect.as_str()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Two links to the same address, with the decision added.
fn page(request: &Request, tenant: Uuid) -> Response {
    // The address goes into an attribute; only characters that can end it matter.
    let here = request
        .target
        .replace('&', "&amp;")
        .replace('"', "%22")
        .replace('<', "%3C");
    html(
        200,
        format!(
            "<!doctype html><html lang=\"en\"><head><title>Permissions requested</title>\
             <meta name=\"viewport\" content=\"width=device-width\"></head><body><main><h1>Permissions requested</h1>\
             <p>Review for your organization ({tenant}). This page is the emulator's.</p>\
             <ul><li>Read activity data for your organization</li>\
             <li>Read DLP policy events including detected sensitive data</li></ul>\
             <p><a href=\"{here}&amp;emulator_decision=accept\">Accept</a> <a href=\"{here}&amp;emulator_decision=decline\">Cancel</a></p>\
             </main></body></html>"
        ),
    )
}
