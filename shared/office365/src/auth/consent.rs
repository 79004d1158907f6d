//! The link under which an administrator of a tenant gives consent.

use url::Url;
use uuid::Uuid;

use crate::names::{Cloud, Endpoints, TenantId};

/// The address of Entra's v2 admin consent; its rules are with [`crate::Client::consent_url`].
pub(crate) fn consent_url(
    endpoints: &Endpoints,
    cloud: Cloud,
    client_id: Uuid,
    tenant: Option<TenantId>,
    redirect_uri: &Url,
    state: &str,
) -> Result<Url, url::ParseError> {
    // Without a tenant any organization may consent: `organizations`, since Microsoft advises against `common` here.
    let who = tenant.map_or_else(|| "organizations".to_owned(), |tenant| tenant.to_string());
    let base = endpoints.login_url(cloud);
    let mut url = Url::parse(&format!("{base}/{who}/v2.0/adminconsent"))?;
    url.query_pairs_mut()
        .append_pair("client_id", &client_id.to_string())
        .append_pair("scope", &cloud.scope())
        .append_pair("redirect_uri", redirect_uri.as_str())
        .append_pair("state", state);
    Ok(url)
}
