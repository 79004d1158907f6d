//! What the paths of the API name.

use office365::TenantId;

use super::error::ApiError;
use crate::store::ledger::consent::id::ConsentId;
use crate::store::ledger::loss::LossId;
use crate::store::ledger::replay::id::ReplayId;
use crate::verbs::timeline::EventId;

/// Where tenants are.
pub(super) const TENANTS_PATH: &str = "/v1/tenants";

/// Where consent links are made and looked at.
pub(super) const CONSENTS_PATH: &str = "/v1/consents";

/// Where all tenants are summed up.
pub(super) const OVERVIEW_PATH: &str = "/v1/overview";

/// Something that a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
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
}

impl Route {
    /// Reads a path.
    pub(super) fn of(path: &str) -> Result<Self, ApiError> {
        if let Some(rest) = path.strip_prefix(CONSENTS_PATH) {
            return match rest.strip_prefix('/') {
                Some(id) => id
                    .parse()
                    .map(Self::Consent)
                    .map_err(|_| ApiError::NoSuchConsent),
                None if rest.is_empty() => Ok(Self::Consents),
                None => Err(ApiError::NoSuchPath),
            };
        }
        if path == OVERVIEW_PATH {
            return Ok(Self::Overview);
        }
        let rest = path
            .strip_prefix(TENANTS_PATH)
            .ok_or(ApiError::NoSuchPath)?;
        if rest.is_empty() {
            return Ok(Self::Tenants);
        }
        let rest = rest.strip_prefix('/').ok_or(ApiError::NoSuchPath)?;
        let parts: Vec<&str> = rest.split('/').collect();
        let tenant = |text: &str| text.parse().map_err(|_| ApiError::BadTenantId);
        let loss = |text: &str| text.parse().map_err(|_| ApiError::NoSuchLoss);
        let replay = |text: &str| text.parse().map_err(|_| ApiError::NoSuchReplay);
        let event = |text: &str| text.parse().map_err(|_| ApiError::NoSuchEvent);
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
            _ => return Err(ApiError::NoSuchPath),
        })
    }

    /// What can be done there, as the header `Allow` says it.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::Tenants | Self::Replays(_) => "GET, POST",
            Self::Tenant(_) => "GET, PATCH, DELETE",
            Self::Backfill(_)
            | Self::Check(_)
            | Self::Overview
            | Self::Certificate(_)
            | Self::Losses(_)
            | Self::Replay(..)
            | Self::Consent(_)
            | Self::Events(_)
            | Self::Event(..)
            | Self::Volume(_) => "GET",
            Self::Acknowledge(..) | Self::Restart(..) | Self::Consents => "POST",
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
        let of = |rest: &str| Route::of(&format!("{CONSENTS_PATH}{rest}")).map_err(|e| e.kind());
        let id = ConsentId::random();
        assert_eq!(of(""), Ok(Route::Consents));
        assert_eq!(of(&format!("/{id}")), Ok(Route::Consent(id)));
        assert_eq!(of("x"), Err("no-such-path"));
        for bad in ["/", "/x", &format!("/{id}/"), &format!("/{id}/x")] {
            assert_eq!(of(bad), Err("no-such-consent"), "{bad}");
        }
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
