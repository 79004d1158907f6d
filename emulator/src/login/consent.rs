//! The consent pages: an administrator agrees or declines, and the browser is sent back.

use http::header::{HeaderValue, LOCATION};
use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::error::LoginError;
use crate::answer::{Answer, empty, html};
use crate::call::Call;
use crate::shared::Shared;
use crate::world::Consent;

/// Codes of the legacy flow that wait to be redeemed at most.
const CODES_MAX: usize = 1_000;

/// What the administrator in front of the consent page does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Agrees at once.
    #[default]
    Accept,
    /// Declines at once.
    Decline,
    /// Reads the page and clicks: it is shown with two links.
    Ask,
}

/// The administrator in front of the consent page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Administrator {
    /// What is done.
    pub decision: Decision,
    /// Whose administrator it is, where the address names no single tenant; the first tenant by default.
    pub tenant: Option<Uuid>,
    /// A `tenant` that the redirect names instead of the one that consented: anybody can forge it.
    pub forged_tenant: Option<Uuid>,
    /// The redirect carries no `state`, as refusals of the older page do.
    pub omit_state: bool,
}

/// Answers a request for consent.
pub(crate) fn consent(call: &Call) -> Answer {
    let administrator = call.shared.administrator().clone();
    match decide(call, &administrator) {
        Ok(answer) => answer,
        Err(error) => {
            let text = format!(
                "<html><head><title>Sign in to your account</title></head><body>AADSTS{}: {}</body></html>",
                error.number, error.text
            );
            html(error.status, text)
        }
    }
}

fn decide(call: &Call, administrator: &Administrator) -> Result<Answer, LoginError> {
    let shared = &call.shared;
    let given = |name: &str| {
        let text = || format!("The request body must contain the following parameter: '{name}'.");
        call.query
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
    let tenant = tenant_of(call, administrator)?;
    let decision = match call.query.get("emulator_decision") {
        Some("accept") => Decision::Accept,
        Some("decline") => Decision::Decline,
        _ => administrator.decision,
    };
    Ok(match decision {
        Decision::Ask => page(call, tenant),
        Decision::Accept => {
            if let Some(state) = shared.world().tenants.get_mut(&tenant) {
                state.consent = Consent::Granted;
            }
            accepted(call, administrator, tenant, redirect)
        }
        Decision::Decline => declined(call, administrator, redirect),
    })
}

fn redirect_uri(shared: &Shared, text: &str) -> Result<Url, LoginError> {
    let registered = &shared.config.redirect_uris;
    let uri = text.parse::<Url>().ok();
    uri.filter(|uri| registered.is_empty() || registered.contains(uri)).ok_or_else(|| {
        let text = "The redirect URI specified in the request does not match the redirect URIs configured for the application.";
        LoginError::new(400, "invalid_request", 50_011, text)
    })
}

fn tenant_of(call: &Call, administrator: &Administrator) -> Result<Uuid, LoginError> {
    let world = call.shared.world();
    let shared_place =
        ["common", "organizations"].contains(&call.route.tenant.to_ascii_lowercase().as_str());
    let tenant = if shared_place {
        administrator
            .tenant
            .or_else(|| crate::shared::tenants(&call.shared.config).first().copied())
    } else {
        call.tenant()
    };
    tenant
        .filter(|tenant| world.tenants.contains_key(tenant))
        .ok_or_else(|| LoginError::new(400, "invalid_request", 90_002, "The tenant was not found."))
}

fn accepted(call: &Call, administrator: &Administrator, tenant: Uuid, mut redirect: Url) -> Answer {
    if call.route.rest == "legacy" {
        let code = Uuid::new_v4().to_string();
        let mut codes = call.shared.codes();
        if codes.len() >= CODES_MAX {
            codes.clear();
        }
        codes.insert(code.clone(), tenant);
        redirect.query_pairs_mut().append_pair("code", &code);
        return back(call, administrator, redirect);
    }
    let named = administrator.forged_tenant.unwrap_or(tenant).to_string();
    redirect
        .query_pairs_mut()
        .append_pair("admin_consent", "True")
        .append_pair("tenant", &named);
    if let Some(scope) = call.query.get("scope").filter(|_| call.route.rest == "v2") {
        redirect.query_pairs_mut().append_pair("scope", scope);
    }
    back(call, administrator, redirect)
}

fn declined(call: &Call, administrator: &Administrator, mut redirect: Url) -> Answer {
    match call.route.rest.as_str() {
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
    back(call, administrator, redirect)
}

/// Sends the browser back, with the state it came with.
fn back(call: &Call, administrator: &Administrator, mut redirect: Url) -> Answer {
    if let Some(state) = call
        .query
        .get("state")
        .filter(|_| !administrator.omit_state)
    {
        redirect.query_pairs_mut().append_pair("state", state);
    }
    let mut answer = empty(302);
    if let Ok(location) = HeaderValue::from_str(redirect.as_str()) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// Two links to the same address, with the decision added.
fn page(call: &Call, tenant: Uuid) -> Answer {
    // The address goes into an attribute; only characters that can end it matter.
    let here = call
        .target
        .replace('&', "&amp;")
        .replace('"', "%22")
        .replace('<', "%3C");
    html(
        200,
        format!(
            "<html><head><title>Permissions requested</title></head><body><h1>Permissions requested</h1>\
             <p>Read activity data for your organization ({tenant}).</p>\
             <p><a href=\"{here}&amp;emulator_decision=accept\">Accept</a> <a href=\"{here}&amp;emulator_decision=decline\">Cancel</a></p></body></html>"
        ),
    )
}
