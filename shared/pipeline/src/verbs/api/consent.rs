//! Consent links: how another organization's administrator lets us in, and how that tenant is registered by it.
//!
//! A link leads to Entra's consent page. Entra sends the browser back to [`callback`], with a `state` that we have signed
//! ([`state`]) and with a tenant that anybody could have written there. So the tenant is only a claim: it is proven by a token of
//! that tenant with the permissions, and by a listing, and then registered like any other. docs/API.md says what that proves and
//! what it does not.

pub(super) mod callback;
mod entra;
mod page;
mod state;

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use office365::{Cloud, TenantId};
use serde::Serialize;
use url::Url;

use super::Api;
use super::access::Caller;
use super::error::ApiError;
use super::request::{ConsentBody, ConsentRequest, Registration};
use crate::aws::secrets::Versions;
use crate::response::json_response;
use crate::store::ledger::access::audit::Action;
use crate::store::ledger::consent::id::ConsentId;
use crate::store::ledger::consent::{ConsentLink, Progress};
use crate::verbs::subscription::webhook::check_keys;

/// Where Entra sends the browser, below the public address. The whole address must be registered in Entra.
pub(super) const CALLBACK_PATH: &str = "/consent/callback";

/// The answer to a new link.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NewConsent {
    #[schema(value_type = String)]
    consent_id: ConsentId,
    /// Entra's consent page.
    url: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// What must be registered in Entra, letter by letter.
    redirect_uri: String,
}

/// How a link stands.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ConsentView {
    #[schema(value_type = String)]
    consent_id: ConsentId,
    state: &'static str,
    #[schema(value_type = Option<uuid::Uuid>)]
    tenant_id: Option<TenantId>,
    text: String,
    #[schema(value_type = String)]
    cloud: Cloud,
    name: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Makes a link.
#[utoipa::path(
    post, path = "/v1/consents", operation_id = "create_consent", tag = "consents", request_body = Option<ConsentBody>,
    responses((status = 201, body = NewConsent))
)]
pub(super) async fn create(
    api: &Api,
    caller: &Caller,
    body: &Bytes,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let wanted = ConsentRequest::parse(body)?;
    let cloud = wanted.cloud.unwrap_or_default();
    let link = ConsentLink::new(cloud, wanted.name, wanted.tenant_id, now);
    caller
        .note(api, Action::ConsentCreate, &link.id, link.bound_to, "")
        .await?;
    let (url, redirect_uri) = begin(api, &link).await?;
    let created = NewConsent {
        consent_id: link.id,
        url: url.into(),
        expires_at: link.ends_at,
        redirect_uri: redirect_uri.into(),
    };
    Ok(json_response(StatusCode::CREATED, &created))
}

/// The link for a tenant that an operator wants to register and that has not consented: when its administrator accepts, it is
/// registered as the operator wanted.
pub(super) async fn invite(
    api: &Api,
    wanted: &Registration,
    now: Timestamp,
) -> Result<Url, ApiError> {
    let known = api.ledger.tenant(wanted.tenant_id).await?;
    let cloud = wanted.cloud.or(known.map(|tenant| tenant.cloud));
    let (cloud, name) = (cloud.unwrap_or_default(), wanted.name.clone());
    let link = ConsentLink {
        content_types: wanted.content_types.clone(),
        ..ConsentLink::new(cloud, name, Some(wanted.tenant_id), now)
    };
    begin(api, &link).await.map(|(url, _)| url)
}

/// Signs a link and writes it down. Its address, and where Entra sends the browser.
async fn begin(api: &Api, link: &ConsentLink) -> Result<(Url, Url), ApiError> {
    let base = api.public_url.as_ref().ok_or(ApiError::NoPublicAddress)?;
    let redirect_uri = redirect_uri(base);
    let keys = usable(api.webhooks.key.versions().await?)?;
    let state = state::sign(&keys.current, link.id, link.ends_at);
    let client = api.microsoft.client()?;
    let url = client.consent_url(link.cloud, link.bound_to, &redirect_uri, &state)?;
    api.ledger.create_consent(link).await?;
    tracing::info!(consent.id = %link.id, cloud = link.cloud.as_str(), "consent link made");
    Ok((url, redirect_uri))
}

/// How a link stands.
#[utoipa::path(
    get, path = "/v1/consents/{consent_id}", operation_id = "show_consent", tag = "consents",
    params(("consent_id" = String, Path)),
    responses((status = 200, body = ConsentView))
)]
pub(super) async fn show(
    api: &Api,
    id: ConsentId,
    now: Timestamp,
) -> Result<Response<Bytes>, ApiError> {
    let link = api.ledger.consent(id).await?;
    let link = link.ok_or(ApiError::NoSuchConsent)?;
    Ok(json_response(StatusCode::OK, &ConsentView::of(link, now)))
}

/// The callback's whole address: the base may have a path of its own.
fn redirect_uri(base: &Url) -> Url {
    let mut address = base.clone();
    let prefix = base.path().trim_end_matches('/');
    address.set_path(&format!("{prefix}{CALLBACK_PATH}"));
    address
}

/// The keys that states are signed with, if they are long enough to be safe.
fn usable(keys: Versions) -> Result<Versions, ApiError> {
    match check_keys(&keys) {
        Ok(()) => Ok(keys),
        Err(error) => {
            tracing::error!(%error, "no consent link can be signed");
            Err(ApiError::Unavailable)
        }
    }
}

impl ConsentView {
    fn of(link: ConsentLink, now: Timestamp) -> Self {
        let is_over = link.is_over(now);
        let state = match link.progress {
            Progress::Open | Progress::Waiting if is_over => "expired",
            progress => progress.as_str(),
        };
        Self {
            consent_id: link.id,
            state,
            tenant_id: link.tenant_id,
            text: describe(&link, is_over),
            cloud: link.cloud,
            expires_at: link.expires_at(),
            name: link.name,
            created_at: link.created_at,
        }
    }
}

/// How a link stands, in plain words.
fn describe(link: &ConsentLink, is_over: bool) -> String {
    let tenant = link.tenant_id.map(|id| id.to_string()).unwrap_or_default();
    let text = match (link.progress, is_over) {
        (Progress::Open, false) => "Nobody has come back from Microsoft's page yet.".to_owned(),
        (Progress::Open, true) => {
            "Nobody came back from Microsoft's page in time. Make a new link.".to_owned()
        }
        (Progress::Waiting, false) => {
            format!("Tenant {tenant} came back, and Microsoft does not issue its permissions yet.")
        }
        (Progress::Waiting, true) => format!(
            "Tenant {tenant} came back, but its permissions did not show in time. Register it by its id, or make a new link."
        ),
        (Progress::Registered, _) => format!("Tenant {tenant} is registered."),
        (Progress::Refused, false) => {
            "Microsoft's page came back without a consent. The link can be opened again.".to_owned()
        }
        (Progress::Refused, true) => {
            "Microsoft's page came back without a consent. Make a new link to try again.".to_owned()
        }
        (Progress::Failed, false) => "It did not work. The page can be loaded again.".to_owned(),
        (Progress::Failed, true) => "It did not work. Make a new link to try again.".to_owned(),
    };
    match &link.note {
        Some(note) => format!("{text} {note}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callback_keeps_a_path_of_the_base() {
        let of = |base: &str| redirect_uri(&Url::parse(base).unwrap()).to_string();
        let expect = "https://ual.example/consent/callback";
        assert_eq!(of("https://ual.example"), expect);
        assert_eq!(of("https://ual.example/"), expect);
        assert_eq!(
            of("https://ual.example/prod/"),
            "https://ual.example/prod/consent/callback"
        );
    }

    #[test]
    fn what_has_not_come_in_time_has_expired() {
        let now = Timestamp::UNIX_EPOCH;
        let mut link = ConsentLink::new(Cloud::Gcc, None, None, now);
        let end = link.ends_at;
        let state = |link: &ConsentLink, at| ConsentView::of(link.clone(), at).state;
        assert_eq!((state(&link, now), state(&link, end)), ("open", "expired"));
        link.progress = Progress::Refused;
        assert_eq!(state(&link, end), "refused");
        link.progress = Progress::Waiting;
        link.waits_until = Some(crate::clock::later(end, std::time::Duration::from_secs(60)));
        assert_eq!(state(&link, end), "waiting", "the claim lives longer");
        link.progress = Progress::Registered;
        assert_eq!(state(&link, Timestamp::MAX), "registered");
    }
}
