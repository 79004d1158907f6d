//! `GET /consent/callback`: an administrator's browser, sent back by Entra.
//!
//! In this order: the state is checked, the link is claimed for the tenant that the request names, and only then is Microsoft asked
//! whether that tenant has let us in. So nobody without a link makes us call anybody, a link registers one tenant at most, and
//! however often a page is loaded, one attempt runs at a time.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use office365::{ContentType, Disposition, Failure, TenantId};
use url::form_urlencoded;

use super::super::access::Caller;
use super::super::error::ApiError;
use super::super::request::Registration;
use super::super::{ANSWER_WITHIN, Api, tenants};
use super::entra;
use super::page::Page;
use super::{CALLBACK_PATH, state, usable};
use crate::clock::{Clock, later};
use crate::store::ledger::consent::id::ConsentId;
use crate::store::ledger::consent::{ConsentLink, Progress};
use crate::store::ledger::registry::{Status, Subscription, TenantState};

/// Longest query read, in bytes: Entra's description of an error has some hundred, and API Gateway takes 10 KiB in all.
const QUERY_BYTES_MAX: usize = 8 * 1024;

/// Time for an attempt. What is left of the request's time is for writing down what it came to.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(23);

/// How long an attempt has a link for itself: longer than a request may take, in case that it never says how it ended.
const BUSY_FOR: Duration = Duration::from_secs(30);

/// Pause between two attempts with one link: each asks Entra for a token, and a page is loaded again every ten seconds.
const PAUSE: Duration = Duration::from_secs(5);

/// What a new tenant can expect.
const FIRST_RECORDS: &str = "Microsoft allows itself up to 12 hours until the first records come; usually it takes minutes.";

/// What most often keeps the subscriptions of a new tenant from being started.
const AUDITING: &str = "If auditing is off in the tenant, an administrator turns it on in the Purview portal, or by Set-AdminAuditLogConfig -UnifiedAuditLogIngestionEnabled $true in Exchange Online PowerShell. It takes up to an hour.";

/// What Entra's redirect says. All of it can be forged but the state.
#[derive(Debug, Default, PartialEq, Eq)]
struct Given {
    state: String,
    tenant: Option<TenantId>,
    error: Option<String>,
    /// Entra's number of the error, from its description.
    code: Option<String>,
}

/// What an attempt came to, with what people are told of it.
enum Came {
    Registered(String),
    NotYet(String),
    Failed(String),
    /// There is no such tenant, so it has no claim.
    Nowhere(String),
}

/// Answers the browser. Never fails: every fault is a page.
pub(in crate::verbs::api) async fn handle(
    api: &Api,
    request: &Request<Bytes>,
    source: Option<IpAddr>,
    clock: Clock,
) -> Response<Bytes> {
    let answering = answer(api, request, source, clock);
    let answered = tokio::time::timeout(ANSWER_WITHIN, answering).await;
    answered
        .unwrap_or(Err(ApiError::TooSlow))
        .unwrap_or_else(|error| unavailable(&error))
        .into_response()
}

async fn answer(
    api: &Api,
    request: &Request<Bytes>,
    source: Option<IpAddr>,
    clock: Clock,
) -> Result<Page, ApiError> {
    if request.method() != Method::GET {
        let text = ["Microsoft sends browsers here. There is nothing else to do."];
        return Ok(Page::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Nothing here",
            text,
        ));
    }
    let Some(given) = Given::parse(request.uri().query().unwrap_or_default()) else {
        return Ok(invalid(None));
    };
    let Some(id) = opened(api, &given.state).await? else {
        return Ok(invalid(given.error.as_ref().map(|_| given.trouble())));
    };
    // One that is signed and not there is older than links are remembered.
    let Some(link) = api.ledger.consent(id).await? else {
        return Ok(expired(None));
    };
    match (&given.error, given.tenant) {
        (Some(_), _) => came_without(api, &link, &given, clock).await,
        (None, Some(tenant)) => came_back(api, &link, tenant, &given, source, clock).await,
        (None, None) => Ok(invalid(None)),
    }
}

/// The link that a state opens.
async fn opened(api: &Api, presented: &str) -> Result<Option<ConsentId>, ApiError> {
    let key = &api.webhooks.key;
    if let Some(id) = state::open(presented, &usable(key.versions().await?)?) {
        return Ok(Some(id));
    }
    // The key may have been rotated since it was read.
    let keys = usable(key.rechecked().await?)?;
    Ok(state::open(presented, &keys))
}

/// Entra sends an administrator back without a consent.
async fn came_without(
    api: &Api,
    link: &ConsentLink,
    given: &Given,
    clock: Clock,
) -> Result<Page, ApiError> {
    let (trouble, now) = (given.trouble(), clock.now());
    let progress = match given.is_refusal() {
        true => Progress::Refused,
        false => Progress::Failed,
    };
    if !api
        .ledger
        .refuse_consent(link.id, (progress, &trouble), now)
        .await?
    {
        return Ok(match link.tenant_id {
            Some(_) => used(),
            None => expired(Some(link)),
        });
    }
    tracing::info!(consent.id = %link.id, code = given.code, "an administrator came back without a consent");
    let again = "The link can be opened again until it expires, 15 minutes after it was made. Nothing was registered.";
    Ok(match progress {
        Progress::Refused => Page::new(
            StatusCode::FORBIDDEN,
            "Consent was not given",
            [trouble.as_str(), again],
        ),
        _ => Page::new(
            StatusCode::BAD_GATEWAY,
            "Microsoft could not ask for consent",
            [trouble.as_str(), again],
        ),
    })
}

/// Entra sends an administrator back with a consent, as the request says.
async fn came_back(
    api: &Api,
    link: &ConsentLink,
    tenant: TenantId,
    given: &Given,
    source: Option<IpAddr>,
    clock: Clock,
) -> Result<Page, ApiError> {
    let (ledger, id, now) = (&api.ledger, link.id, clock.now());
    if !ledger
        .claim_consent(id, tenant, now, later(now, BUSY_FOR))
        .await?
    {
        // As it stands now: what kept the claim from being made may have happened since it was read.
        let link = ledger.consent(id).await?;
        return match link {
            Some(link) => not_claimed(api, &link, tenant, given, clock).await,
            None => Ok(expired(None)),
        };
    }
    let caller = Caller::of_consent(id, source, now);
    let attempt = attempt(api, &caller, link, tenant, clock);
    let attempt = tokio::time::timeout(ATTEMPT_WITHIN, attempt).await;
    let slow = || Came::NotYet("Microsoft takes longer than usual.".to_owned());
    let came = attempt.unwrap_or_else(|_| Ok(slow()))?;
    let next_at = later(clock.now(), PAUSE);
    match came {
        Came::Registered(note) => {
            let noted = (Progress::Registered, note.as_str());
            ledger.note_consent(id, tenant, noted, next_at).await?;
            tracing::info!(tenant.id = %tenant, consent.id = %id, "tenant came by a consent link");
            registered(api, link, tenant, &note).await
        }
        Came::NotYet(note) => {
            let noted = (Progress::Waiting, note.as_str());
            ledger.note_consent(id, tenant, noted, next_at).await?;
            Ok(waiting(tenant, Some(&note), given))
        }
        Came::Failed(note) => {
            let noted = (Progress::Failed, note.as_str());
            ledger.note_consent(id, tenant, noted, next_at).await?;
            Ok(failed(&note, given))
        }
        Came::Nowhere(note) => {
            ledger.release_consent(id, tenant, &note).await?;
            Ok(failed(&note, given))
        }
    }
}

/// Why the link could not be claimed.
async fn not_claimed(
    api: &Api,
    link: &ConsentLink,
    tenant: TenantId,
    given: &Given,
    clock: Clock,
) -> Result<Page, ApiError> {
    let is_other = |of: &Option<TenantId>| of.is_some_and(|of| of != tenant);
    if is_other(&link.tenant_id) {
        tracing::warn!(consent.id = %link.id, tenant.id = %tenant, "consent link refused: another tenant has used it");
        return Ok(used());
    }
    if is_other(&link.bound_to) {
        tracing::warn!(consent.id = %link.id, tenant.id = %tenant, "consent link refused: it was made for another tenant");
        return Ok(foreign());
    }
    if link.progress == Progress::Registered {
        return registered(api, link, tenant, link.note.as_deref().unwrap_or_default()).await;
    }
    if link.is_over(clock.now()) {
        return Ok(expired(Some(link)));
    }
    // An attempt is under way, or was a moment ago.
    Ok(waiting(tenant, link.note.as_deref(), given))
}

/// Asks Microsoft for proof, and registers the tenant.
async fn attempt(
    api: &Api,
    caller: &Caller,
    link: &ConsentLink,
    tenant: TenantId,
    clock: Clock,
) -> Result<Came, ApiError> {
    let client = api.microsoft.client()?;
    let types = match client.consented_types(tenant, link.cloud).await {
        Ok(types) => types,
        Err(error) => return Ok(Came::of(&error)),
    };
    match client.list_subscriptions(tenant, link.cloud).await {
        Ok(_) => {}
        // The API took the token, and has nothing to list yet: auditing is turned on later, and the rest happens by itself.
        Err(error) if error.disposition() == Disposition::AuditingOff => {}
        Err(error) => return Ok(Came::of(&error)),
    }
    let known = api.ledger.tenant(tenant).await?;
    if known
        .as_ref()
        .is_some_and(|of| of.state == TenantState::Leaving)
    {
        let text = "The tenant is being removed. Load this page again in some minutes.";
        return Ok(Came::Failed(text.to_owned()));
    }
    // Of a tenant that is registered nothing changes: only a key may change it.
    let is_new = known.is_none();
    let registration = Registration {
        tenant_id: tenant,
        cloud: is_new.then_some(link.cloud),
        name: link.name.clone().filter(|_| is_new),
        content_types: is_new.then(|| link.content_types.clone().unwrap_or(types)),
    };
    match tenants::enter(api, caller, &registration, clock).await {
        Ok(_) => Ok(Came::Registered(FIRST_RECORDS.to_owned())),
        Err(ApiError::ConsentRequired { why, .. } | ApiError::MicrosoftUnavailable(why)) => {
            Ok(Came::NotYet(why))
        }
        Err(ApiError::Busy) => Ok(Came::NotYet("Somebody else changes the tenant.".to_owned())),
        Err(error) => Err(error),
    }
}

impl Came {
    /// What an error of Microsoft's comes to.
    fn of(error: &office365::Error) -> Self {
        let text = match (error.code(), error.failure()) {
            (Some(code), _) if entra::meaning(code).is_some() => entra::explained(code),
            (_, Failure::Permission(permission)) => {
                format!("Microsoft does not issue the permission {permission} yet.")
            }
            _ => error.to_string(),
        };
        match error.disposition() {
            Disposition::Consent | Disposition::Retry { .. } => Self::NotYet(text),
            Disposition::TenantGone => Self::Nowhere(text),
            _ => Self::Failed(text),
        }
    }
}

impl Given {
    /// Reads a redirect's query. `None` when it is too long, or says something twice: then it is not Entra's.
    fn parse(query: &str) -> Option<Self> {
        if query.len() > QUERY_BYTES_MAX {
            return None;
        }
        let mut given = Self::default();
        let mut seen = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "state" => given.state = value.into_owned(),
                "tenant" => given.tenant = Some(value.parse().ok()?),
                "error" => given.error = Some(value.into_owned()),
                "error_description" => given.code = entra::code_in(&value),
                _ => continue,
            }
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
        }
        Some(given)
    }

    /// Whether a person said no, or may not say yes; otherwise something failed.
    fn is_refusal(&self) -> bool {
        let refusals = ["access_denied", "permission_denied", "consent_required"];
        let error = self.error.as_deref().unwrap_or_default();
        let code = self.code.as_deref().unwrap_or_default();
        refusals.contains(&error) || ["AADSTS65001", "AADSTS65004", "AADSTS90094"].contains(&code)
    }

    /// What went wrong at Microsoft, in our words.
    fn trouble(&self) -> String {
        match &self.code {
            Some(code) => entra::explained(code),
            None if self.is_refusal() => entra::explained("AADSTS65004"),
            None => "Microsoft's page ended with an error and did not say which.".to_owned(),
        }
    }

    /// The same page again, without what else stood in the address.
    fn again(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("admin_consent", "True");
        if let Some(tenant) = self.tenant {
            query.append_pair("tenant", &tenant.to_string());
        }
        let query = query.append_pair("state", &self.state).finish();
        format!("{CALLBACK_PATH}?{query}")
    }
}

/// How the tenant stands that the link has registered.
async fn registered(
    api: &Api,
    link: &ConsentLink,
    tenant: TenantId,
    note: &str,
) -> Result<Page, ApiError> {
    let Some(found) = api.ledger.registered(tenant).await? else {
        let text = format!("Tenant {tenant} was registered with this link, and was removed since.");
        return Ok(Page::new(StatusCode::GONE, "Removed since", [text]));
    };
    // What the link's maker called it, not what it is called now: whoever has the link may know that.
    let who = match &link.name {
        Some(name) => format!("“{name}” ({tenant})"),
        None => tenant.to_string(),
    };
    let (enabled, others): (Vec<_>, Vec<_>) = found
        .subscriptions
        .iter()
        .partition(|(_, of)| of.status == Status::Enabled);
    let names = |some: &[(&ContentType, &Subscription)]| {
        let names: Vec<&str> = some.iter().map(|(of, _)| of.as_str()).collect();
        names.join(", ")
    };
    let mut text = vec![format!(
        "The tenant {who} is registered. You can close this page."
    )];
    if !enabled.is_empty() {
        text.push(format!("Enabled: {}.", names(&enabled)));
    }
    if !others.is_empty() {
        text.push(format!(
            "Not enabled yet: {}. They are started by themselves, in some minutes.",
            names(&others)
        ));
        let error = others.iter().find_map(|(_, of)| of.last_error.as_deref());
        text.extend(error.map(|error| format!("The last attempt: {error}")));
        text.push(AUDITING.to_owned());
    }
    text.push(note.to_owned());
    Ok(
        Page::new(StatusCode::OK, "Consent arrived", text).with_link(
            "Status page, for those who run this installation",
            "/".to_owned(),
        ),
    )
}

fn waiting(tenant: TenantId, note: Option<&str>, given: &Given) -> Page {
    let mut text = vec![
        format!("Microsoft sent you back for the tenant {tenant}. It takes some minutes until a consent takes effect."),
        "This page checks again every 10 seconds by itself. Leave it open: with the last check the tenant is registered.".to_owned(),
    ];
    text.extend(note.map(|note| format!("The last check: {note}")));
    Page::new(StatusCode::ACCEPTED, "Waiting for Microsoft", text)
        .with_link("Check now", given.again())
        .reloading()
}

fn failed(note: &str, given: &Given) -> Page {
    let text = ["The tenant was not registered.", note];
    Page::new(StatusCode::UNPROCESSABLE_ENTITY, "It did not work", text)
        .with_link("Try again", given.again())
}

fn invalid(trouble: Option<String>) -> Page {
    let mut text = vec![
        "This address is not one that this installation has given out, or it was changed on its way. Nothing was registered.".to_owned(),
    ];
    text.extend(trouble);
    text.push("Open the link that you were sent once more, or ask for a new one.".to_owned());
    Page::new(StatusCode::BAD_REQUEST, "This link is not valid", text)
}

fn expired(link: Option<&ConsentLink>) -> Page {
    let mut text = vec![
        "A consent link can be answered for 15 minutes. Ask for a new one.",
        "A consent that was given at Microsoft stays given: whoever runs this installation can register the tenant by its id, too.",
    ];
    if link.is_some_and(|link| link.tenant_id.is_some()) {
        text.insert(0, "Microsoft did not confirm the consent in time.");
    }
    Page::new(StatusCode::GONE, "This link has expired", text)
}

fn used() -> Page {
    let text = [
        "A link works once, and another tenant has come back with this one. Nothing was changed.",
        "If that was not you, tell whoever sent you the link, and ask for a new one.",
    ];
    Page::new(StatusCode::CONFLICT, "This link was used", text)
}

fn foreign() -> Page {
    let text = [
        "The link was made for another tenant than the one that came back with it. Nothing was registered.",
        "Sign in as an administrator of the tenant that the link was made for, or ask for a link for yours.",
    ];
    Page::new(
        StatusCode::CONFLICT,
        "This link is for another tenant",
        text,
    )
}

/// Something of ours failed; the log says what.
fn unavailable(error: &ApiError) -> Page {
    tracing::error!(?error, "an administrator's browser was not answered");
    let text = [
        "Something that this installation needs did not answer. The consent at Microsoft is not affected.",
        "Load this page again in a minute.",
    ];
    Page::new(StatusCode::SERVICE_UNAVAILABLE, "Try again", text).reloading()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn a_redirect_is_read_once_and_strictly() {
        let query = format!("admin_consent=True&tenant={TENANT}&state=a.b&scope=x&scope=y");
        let given = Given::parse(&query).unwrap();
        assert_eq!(given.tenant, TENANT.parse().ok());
        assert_eq!(
            given.again(),
            format!("{CALLBACK_PATH}?admin_consent=True&tenant={TENANT}&state=a.b")
        );
        for bad in [
            "tenant=contoso".to_owned(),
            "state=a&state=b".to_owned(),
            format!("tenant={TENANT}&tenant={TENANT}"),
            format!("state={}", "x".repeat(QUERY_BYTES_MAX)),
        ] {
            assert_eq!(Given::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_refusal_is_told_from_a_failure() {
        let check = |query: &str, is_refusal: bool, part: &str| {
            let given = Given::parse(query).unwrap();
            assert_eq!(given.is_refusal(), is_refusal, "{query}");
            assert!(
                given.trouble().contains(part),
                "{query}: {}",
                given.trouble()
            );
        };
        check(
            "error=consent_required&error_description=AADSTS65004%3A+denied",
            true,
            "declined",
        );
        check("error=access_denied", true, "declined");
        check(
            "error=x&error_description=AADSTS90094:",
            true,
            "administrator",
        );
        check(
            "error=server_error&error_description=<b>you+won</b>",
            false,
            "did not say",
        );
        check(
            "error=x&error_description=AADSTS1234:+<b>",
            false,
            "AADSTS1234.",
        );
    }
}
