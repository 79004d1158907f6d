//! What clients ask before they log in: where the endpoints are (OpenID Connect Discovery), whether the host is one of
//! Microsoft's (instance discovery), and which keys sign.

use serde_json::{Value, json};
use url::{Position, Url};

use super::error::{LoginError, unknown_tenant};
use crate::message::{Request, Response, json};

/// Names in the tenant's place that stand for all organizations: their issuer is a template.
const ALL_TENANTS: [&str; 2] = ["common", "organizations"];

/// Hosts that instance discovery knows as Microsoft's, besides our own.
const MICROSOFTS_HOSTS: [&str; 4] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
];

/// Answers a request for a document of discovery.
pub(crate) fn discovery(request: &Request) -> Response {
    let document = match request.route.rest.as_str() {
        "instance" => instance(request),
        // Access tokens are signed with a secret of ours: to a client they are opaque, and there is no key to publish.
        "keys" => known_tenant(request).map(|_| json!({ "keys": [] })),
        version => known_tenant(request).map(|tenant| openid(request, &tenant, version == "v2")),
    };
    match document {
        Ok(document) => json(200, &document),
        Err(error) => error.response(request.shared.now()),
    }
}

/// The tenant of the address, as the documents spell it.
fn known_tenant(request: &Request) -> Result<String, LoginError> {
    let text = request.route.tenant.to_ascii_lowercase();
    if ALL_TENANTS.contains(&text.as_str()) {
        return Ok(text);
    }
    let world = request.shared.world();
    request
        .tenant()
        .filter(|tenant| world.tenants.contains_key(tenant))
        .map(|tenant| tenant.to_string())
        .ok_or_else(|| unknown_tenant("invalid_tenant", &request.route.tenant))
}

/// The OpenID configuration. The tokens of this API have the issuer of v1, whichever endpoint gave them, as Entra's have.
fn openid(request: &Request, tenant: &str, v2: bool) -> Value {
    let base = &request.shared.public_url;
    let issued_by = if ALL_TENANTS.contains(&tenant) {
        "{tenantid}"
    } else {
        tenant
    };
    let (endpoints, keys, issuer) = if v2 {
        (
            format!("{base}{tenant}/oauth2/v2.0"),
            format!("{base}{tenant}/discovery/v2.0/keys"),
            format!("{base}{issued_by}/v2.0"),
        )
    } else {
        (
            format!("{base}{tenant}/oauth2"),
            format!("{base}common/discovery/keys"),
            format!("https://sts.windows.net/{issued_by}/"),
        )
    };
    json!({
        "token_endpoint": format!("{endpoints}/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": keys,
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "request_uri_parameter_supported": false,
        "authorization_endpoint": format!("{endpoints}/authorize"),
        "device_authorization_endpoint": format!("{endpoints}/devicecode"),
        "end_session_endpoint": format!("{endpoints}/logout"),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
        "tenant_region_scope": null,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_graph_host_name": "graph.windows.net",
        "msgraph_host": "graph.microsoft.com",
    })
}

/// Where the tenant's configuration is, and under which names the host is known.
fn instance(request: &Request) -> Result<Value, LoginError> {
    let asked = request.query.get("authorization_endpoint").ok_or_else(|| {
        let text =
            "The request body must contain the following parameter: 'authorization_endpoint'.";
        LoginError::new(400, "invalid_request", 900_144, text)
    })?;
    let base = &request.shared.public_url;
    let ours = &base[Position::BeforeHost..Position::AfterPort];
    let host = base.host_str().unwrap_or_default();
    let asked = asked
        .parse::<Url>()
        .ok()
        // MSAL for Python names its authority without the port.
        .filter(|url| {
            url.host_str()
                .is_some_and(|asked| asked == host || MICROSOFTS_HOSTS.contains(&asked))
        })
        .ok_or_else(|| {
            let text = "Unknown or invalid instance.";
            LoginError::new(400, "invalid_instance", 50_049, text)
        })?;
    let mut parts = asked.path().trim_start_matches('/').split('/');
    let tenant = parts.next().unwrap_or_default();
    let version = if parts.any(|part| part == "v2.0") {
        "/v2.0"
    } else {
        ""
    };
    // Some clients compare with the port, some without.
    let aliases = if host == ours {
        vec![host]
    } else {
        vec![ours, host]
    };
    Ok(json!({
        "tenant_discovery_endpoint": format!("{base}{tenant}{version}/.well-known/openid-configuration"),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": ours, "preferred_cache": ours, "aliases": aliases }],
    }))
}
