//! What the paths of the API name.

use http::Method;
use office365::TenantId;
use uuid::Uuid;

use super::error::ApiError;
use crate::response::ERRORS_PATH;
use crate::store::detections::ExceptionId;
use crate::store::ledger::access::id::KeyId;
use crate::store::ledger::consent::id::ConsentId;
use crate::store::ledger::loss::LossId;
use crate::store::ledger::replay::id::ReplayId;
use crate::verbs::timeline::EventId;

/// Where tenants are.
const TENANTS_PATH: &str = "/v1/tenants";

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// No key.
    Nothing,
    /// A key.
    Read,
    /// A key of scope `admin`, good for the tenant.
    Admin,
    /// A key of scope `admin`, good for all tenants.
    AdminOfAll,
}

impl Need {
    /// In words, as an error says it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "no key",
            Self::Read => "a key",
            Self::Admin => "a key of scope admin",
            Self::AdminOfAll => "a key of scope admin that is good for all tenants",
        }
    }
}

/// Something that a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `/v1/health`
    Health,
    /// `/v1/openapi.json`
    OpenApi,
    /// `/docs`
    Docs,
    /// `/docs/errors`
    Errors,
    /// `/v1/me`
    Me,
    /// `/v1/keys`
    Keys,
    /// `/v1/keys/{key}`
    Key(KeyId),
    /// `/v1/keys/{key}/rotate`
    RotateKey(KeyId),
    /// `/v1/audit-log`
    AuditLog,
    /// `/v1/overview`
    Overview,
    /// `/v1/tenants`
    Tenants,
    /// `/v1/tenants/{tenant}`
    Tenant(TenantId),
    /// `/v1/tenants/{tenant}/backfill`
    Backfill(TenantId),
    /// `/v1/tenants/{tenant}/check`
    Check(TenantId),
    /// `/v1/tenants/{tenant}/certificate`
    Certificate(TenantId),
    /// `/v1/tenants/{tenant}/losses`
    Losses(TenantId),
    /// `/v1/tenants/{tenant}/losses/{loss}/acknowledge`
    Acknowledge(TenantId, LossId),
    /// `/v1/tenants/{tenant}/replays`
    Replays(TenantId),
    /// `/v1/tenants/{tenant}/replays/{replay}`
    Replay(TenantId, ReplayId),
    /// `/v1/tenants/{tenant}/replays/{replay}/restart`
    Restart(TenantId, ReplayId),
    /// `/v1/consents`
    Consents,
    /// `/v1/consents/{consent}`
    Consent(ConsentId),
    /// `/v1/tenants/{tenant}/events`
    Events(TenantId),
    /// `/v1/tenants/{tenant}/events/{event}`
    Event(TenantId, EventId),
    /// `/v1/tenants/{tenant}/volume`
    Volume(TenantId),
    /// `/v1/findings`
    OpenFindings,
    /// `/v1/tenants/{tenant}/findings`
    Findings(TenantId),
    /// `/v1/tenants/{tenant}/findings/{finding}`
    Finding(TenantId, Uuid),
    /// `/v1/tenants/{tenant}/findings/{finding}/story`
    Story(TenantId, Uuid),
    /// `/v1/tenants/{tenant}/findings/{finding}/acknowledge`
    AcknowledgeFinding(TenantId, Uuid),
    /// `/v1/tenants/{tenant}/findings/{finding}/close`
    CloseFinding(TenantId, Uuid),
    /// `/v1/tenants/{tenant}/findings/{finding}/reopen`
    ReopenFinding(TenantId, Uuid),
    /// `/v1/exceptions`
    Exceptions,
    /// `/v1/exceptions/{exception}`
    Exception(ExceptionId),
}

impl Route {
    /// Reads a path.
    pub(super) fn of(path: &str) -> Result<Self, ApiError> {
        let Some(rest) = path.strip_prefix(TENANTS_PATH) else {
            return Self::beside_tenants(path);
        };
        if rest.is_empty() {
            return Ok(Self::Tenants);
        }
        let rest = rest.strip_prefix('/').ok_or(ApiError::NoSuchPath)?;
        let parts: Vec<&str> = rest.split('/').collect();
        let tenant = |text: &str| text.parse().map_err(|_| ApiError::BadTenantId);
        let loss = |text: &str| text.parse().map_err(|_| ApiError::NoSuchLoss);
        let replay = |text: &str| text.parse().map_err(|_| ApiError::NoSuchReplay);
        let event = |text: &str| text.parse().map_err(|_| ApiError::NoSuchEvent);
        let finding = |text: &str| text.parse().map_err(|_| ApiError::NoSuchFinding);
        Ok(match parts[..] {
            [id] => Self::Tenant(tenant(id)?),
            [id, "backfill"] => Self::Backfill(tenant(id)?),
            [id, "check"] => Self::Check(tenant(id)?),
            [id, "certificate"] => Self::Certificate(tenant(id)?),
            [id, "losses"] => Self::Losses(tenant(id)?),
            [id, "losses", of, "acknowledge"] => Self::Acknowledge(tenant(id)?, loss(of)?),
            [id, "replays"] => Self::Replays(tenant(id)?),
            [id, "replays", of] => Self::Replay(tenant(id)?, replay(of)?),
            [id, "replays", of, "restart"] => Self::Restart(tenant(id)?, replay(of)?),
            [id, "events"] => Self::Events(tenant(id)?),
            [id, "events", of] => Self::Event(tenant(id)?, event(of)?),
            [id, "volume"] => Self::Volume(tenant(id)?),
            [id, "findings"] => Self::Findings(tenant(id)?),
            [id, "findings", of] => Self::Finding(tenant(id)?, finding(of)?),
            [id, "findings", of, "story"] => Self::Story(tenant(id)?, finding(of)?),
            [id, "findings", of, "acknowledge"] => {
                Self::AcknowledgeFinding(tenant(id)?, finding(of)?)
            }
            [id, "findings", of, "close"] => Self::CloseFinding(tenant(id)?, finding(of)?),
            [id, "findings", of, "reopen"] => Self::ReopenFinding(tenant(id)?, finding(of)?),
            _ => return Err(ApiError::NoSuchPath),
        })
    }

    /// Reads a path that names no tenant.
    fn beside_tenants(path: &str) -> Result<Self, ApiError> {
        let key = |text: &str| text.parse().map_err(|_| ApiError::NoSuchKey);
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        Ok(match parts[..] {
            ["v1", "health"] => Self::Health,
            ["v1", "openapi.json"] => Self::OpenApi,
            ["docs"] => Self::Docs,
            _ if path == ERRORS_PATH => Self::Errors,
            ["v1", "me"] => Self::Me,
            ["v1", "keys"] => Self::Keys,
            ["v1", "keys", id] => Self::Key(key(id)?),
            ["v1", "keys", id, "rotate"] => Self::RotateKey(key(id)?),
            ["v1", "audit-log"] => Self::AuditLog,
            ["v1", "overview"] => Self::Overview,
            ["v1", "findings"] => Self::OpenFindings,
            ["v1", "exceptions"] => Self::Exceptions,
            ["v1", "exceptions", id] => {
                Self::Exception(id.parse().map_err(|_| ApiError::NoSuchException)?)
            }
            ["v1", "consents"] => Self::Consents,
            ["v1", "consents", id] => {
                Self::Consent(id.parse().map_err(|_| ApiError::NoSuchConsent)?)
            }
            _ => return Err(ApiError::NoSuchPath),
        })
    }

    /// What a request of this method needs there. Whoever adds a path and says nothing needs no more than they must: reading
    /// takes a key, changing takes an admin's, and changing what belongs to no tenant takes an admin of all.
    pub(super) fn need(&self, method: &Method) -> Need {
        match self {
            Self::Health | Self::OpenApi | Self::Docs | Self::Errors => Need::Nothing,
            Self::Keys | Self::Key(_) | Self::RotateKey(_) | Self::AuditLog => Need::AdminOfAll,
            // Links name tenants, those that nobody has registered yet among them.
            Self::Consents | Self::Consent(_) => Need::AdminOfAll,
            _ if method == Method::GET => Need::Read,
            // Their bodies name the tenant.
            Self::Tenants | Self::Exceptions | Self::Exception(_) => Need::Admin,
            _ if self.tenant().is_some() => Need::Admin,
            _ => Need::AdminOfAll,
        }
    }

    /// The tenant that the path names.
    pub(super) fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Tenant(id)
            | Self::Backfill(id)
            | Self::Certificate(id)
            | Self::Losses(id)
            | Self::Acknowledge(id, _)
            | Self::Replays(id)
            | Self::Replay(id, _)
            | Self::Restart(id, _)
            | Self::Check(id)
            | Self::Events(id)
            | Self::Event(id, _)
            | Self::Volume(id)
            | Self::Findings(id)
            | Self::Finding(id, _)
            | Self::Story(id, _)
            | Self::AcknowledgeFinding(id, _)
            | Self::CloseFinding(id, _)
            | Self::ReopenFinding(id, _) => Some(*id),
            Self::Health
            | Self::OpenApi
            | Self::Docs
            | Self::Errors
            | Self::Me
            | Self::Keys
            | Self::Key(_)
            | Self::RotateKey(_)
            | Self::AuditLog
            | Self::Overview
            | Self::Consents
            | Self::Consent(_)
            | Self::OpenFindings
            | Self::Exceptions
            | Self::Exception(_)
            | Self::Tenants => None,
        }
    }

    /// Whether the answer holds a secret, which must not be kept.
    pub(super) fn answers_with_a_secret(&self) -> bool {
        matches!(self, Self::Keys | Self::RotateKey(_))
    }

    /// Whether it takes this method.
    pub(super) fn takes(&self, method: &Method) -> bool {
        let mut methods = self.methods().split(", ");
        methods.any(|known| known == method.as_str())
    }

    /// What can be done there, as the header `Allow` says it.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Tenants | Self::Replays(_) | Self::Keys | Self::Exceptions => "GET, POST",
            Self::Tenant(_) => "GET, PATCH, DELETE",
            Self::Key(_) | Self::Exception(_) => "DELETE",
            Self::Backfill(_) | Self::Certificate(_) | Self::Losses(_) | Self::Replay(..) => "GET",
            Self::OpenFindings | Self::Findings(_) | Self::Finding(..) | Self::Story(..) => "GET",
            Self::AcknowledgeFinding(..) | Self::CloseFinding(..) | Self::ReopenFinding(..) => {
                "POST"
            }
            Self::Check(_) | Self::Events(_) | Self::Event(..) | Self::Volume(_) => "GET",
            Self::Health | Self::OpenApi | Self::Docs | Self::Errors => "GET",
            Self::Me | Self::AuditLog | Self::Overview | Self::Consent(_) => "GET",
            Self::Acknowledge(..) | Self::Restart(..) | Self::RotateKey(_) | Self::Consents => {
                "POST"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-4333-8444-555555555555";

    fn check(rest: &str, expect: Result<&str, &str>) {
        let found = Route::of(&format!("{TENANTS_PATH}{rest}"));
        match (&found, expect) {
            (Ok(route), Ok(methods)) => assert_eq!(route.methods(), methods, "{rest}"),
            (Err(error), Err(kind)) => assert_eq!(error.kind(), kind, "{rest}"),
            _ => panic!("{rest}: {found:?}"),
        }
    }

    #[test]
    fn each_path_names_one_thing_with_its_methods() {
        let tenant = |rest: &str| format!("/{TENANT}{rest}");
        check("", Ok("GET, POST"));
        check(&tenant(""), Ok("GET, PATCH, DELETE"));
        check(&tenant("/certificate"), Ok("GET"));
        check(&tenant("/backfill"), Ok("GET"));
        check(&tenant("/check"), Ok("GET"));
        check(&tenant("/losses"), Ok("GET"));
        let loss = "/losses/20260301T101500123-9f86d081884c7d65/acknowledge";
        check(&tenant(loss), Ok("POST"));
        let replay = "/replays/20260301T101500123-0a1b2c3d";
        check(&tenant("/replays"), Ok("GET, POST"));
        check(&tenant(replay), Ok("GET"));
        check(&tenant(&format!("{replay}/restart")), Ok("POST"));
        check(&tenant("/events"), Ok("GET"));
        check(&tenant("/volume"), Ok("GET"));
    }

    #[test]
    fn consent_links_have_paths_of_their_own() {
        let of = |rest: &str| Route::of(&format!("/v1/consents{rest}")).map_err(|e| e.kind());
        let id = ConsentId::random();
        assert_eq!(of(""), Ok(Route::Consents));
        assert_eq!(of(&format!("/{id}")), Ok(Route::Consent(id)));
        assert_eq!(of("x"), Err("no-such-path"));
        assert_eq!(of(&format!("/{id}/x")), Err("no-such-path"));
        assert_eq!(of("/x"), Err("no-such-consent"));
    }

    #[test]
    fn each_request_needs_what_it_changes() {
        let need = |path: &str, method: Method| Route::of(path).unwrap().need(&method);
        assert_eq!(need("/v1/health", Method::GET), Need::Nothing);
        assert_eq!(need("/docs/errors", Method::GET), Need::Nothing);
        assert_eq!(need("/v1/me", Method::GET), Need::Read);
        assert_eq!(need("/v1/keys", Method::GET), Need::AdminOfAll);
        assert_eq!(need("/v1/audit-log", Method::GET), Need::AdminOfAll);
        assert_eq!(need("/v1/tenants", Method::GET), Need::Read);
        assert_eq!(need("/v1/tenants", Method::POST), Need::Admin);
        let replays = format!("/v1/tenants/{TENANT}/replays");
        assert_eq!(need(&replays, Method::GET), Need::Read);
        assert_eq!(need(&replays, Method::POST), Need::Admin);
        assert_eq!(need("/v1/me", Method::POST), Need::AdminOfAll);
    }

    #[test]
    fn other_paths_are_problems() {
        check("x", Err("no-such-path"));
        check("/", Err("bad-tenant-id"));
        check("/x", Err("bad-tenant-id"));
        check(&format!("/{TENANT}/"), Err("no-such-path"));
        check(&format!("/{TENANT}/x"), Err("no-such-path"));
        check(&format!("/{TENANT}/replays/x"), Err("no-such-replay"));
        check(&format!("/{TENANT}/events/x"), Err("no-such-event"));
        check(
            &format!("/{TENANT}/losses/x/acknowledge"),
            Err("no-such-loss"),
        );
    }
}
