//! Who has access: token, tenant, permission, rate.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::errors;
use crate::clock::earlier;
use crate::config::TenantCheck;
use crate::content_type::ContentType;
use crate::message::{ApiError, Claims, Request};
use crate::operation::Operation;
use crate::world::World;

/// Documented requests a minute and tenant; more is a violation, refused or not.
const REQUESTS_PER_MINUTE: usize = 2_000;

/// The publisher that Microsoft names for a caller without PublisherIdentifier.
pub(super) const NO_PUBLISHER: &str = "00000000-0000-0000-0000-000000000000";

/// A caller who passed.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) tenant: Uuid,
    pub(crate) client_id: Uuid,
    pub(crate) publisher: String,
    claims: Claims,
}

/// Why a caller did not pass.
#[derive(Debug)]
pub(crate) enum Denied {
    /// The token is missing, foreign or expired.
    Anonymous,
    /// The API refuses.
    Refused(ApiError),
}

impl From<ApiError> for Denied {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl Access {
    /// The content type asked for, if the caller may read it.
    pub(crate) fn content_type(&self, request: &Request) -> Result<ContentType, ApiError> {
        let name = request
            .query
            .get("contentType")
            .ok_or_else(|| errors::missing_parameter("contentType"))?;
        let content_type = name.parse().map_err(|_| errors::bad_content_type())?;
        self.may_read(content_type)?;
        Ok(content_type)
    }

    pub(crate) fn may_read(&self, content_type: ContentType) -> Result<(), ApiError> {
        let needed = if content_type == ContentType::Dlp {
            "ActivityFeed.ReadDlp"
        } else {
            "ActivityFeed.Read"
        };
        if self.claims.permissions().contains(&needed) {
            Ok(())
        } else {
            Err(errors::missing_permission(&self.claims.permissions()))
        }
    }
}

/// Checks a request, in the order in which Microsoft seems to.
pub(crate) fn check(request: &Request) -> Result<Access, Denied> {
    let shared = &request.shared;
    let now = shared.now();
    let claims = request
        .claims()
        .filter(|claims| now.as_second() < claims.exp)
        .cloned()
        .ok_or(Denied::Anonymous)?;
    let known = [shared.config.resource.as_str(), shared.public_url.as_str()];
    if !known.iter().any(|resource| {
        resource
            .trim_end_matches('/')
            .eq_ignore_ascii_case(&claims.aud)
    }) {
        return Err(Denied::Anonymous);
    }
    if !claims
        .permissions()
        .iter()
        .any(|permission| permission.starts_with("ActivityFeed."))
    {
        return Err(errors::missing_permission(&claims.permissions()).into());
    }
    let tenant = tenant_of(request, &claims)?;
    let publisher = request.query.get("PublisherIdentifier").map(str::to_owned);
    if publisher.is_none() {
        shared.record_violation(
            "missing_publisher_identifier",
            Some(tenant),
            request.target.clone(),
        );
    }
    let given = publisher.is_some();
    let publisher = publisher.unwrap_or_else(|| NO_PUBLISHER.to_owned());
    if publisher.parse::<Uuid>().is_err() {
        return Err(errors::wrong_type("PublisherIdentifier", "guid").into());
    }
    count_request(request, tenant, given, &publisher, now)?;
    check_parameters(request, tenant)?;
    Ok(Access {
        tenant,
        client_id: claims.appid,
        publisher,
        claims,
    })
}

fn tenant_of(request: &Request, claims: &Claims) -> Result<Uuid, ApiError> {
    let behaviour = &request.shared.config.behaviour;
    let text = request.route.tenant.as_str();
    let tenant: Uuid = text
        .parse()
        .map_err(|_| errors::tenant_no_guid(behaviour, text))?;
    let tenant = if behaviour.tenant_check == TenantCheck::Loose && tenant == claims.appid {
        claims.tid
    } else {
        tenant
    };
    let world = request.shared.world();
    match world.tenants.get(&tenant) {
        None => Err(errors::unknown_tenant(behaviour, text)),
        Some(_) if tenant != claims.tid => {
            drop(world);
            let (rule, of) = ("token_of_another_tenant", Some(tenant));
            request
                .shared
                .record_violation(rule, of, request.target.clone());
            let named = claims.tid.to_string();
            Err(errors::foreign_tenant(behaviour, text, &named))
        }
        Some(state) if state.misconfigured => Err(errors::misconfigured_tenant(behaviour, text)),
        Some(_) => Ok(tenant),
    }
}

/// Counts per tenant; callers without PublisherIdentifier share one counter.
fn count_request(
    request: &Request,
    tenant: Uuid,
    given: bool,
    publisher: &str,
    now: Timestamp,
) -> Result<(), ApiError> {
    let behaviour = &request.shared.config.behaviour;
    let mut world = request.shared.world();
    let World {
        tenants,
        shared_pool,
    } = &mut *world;
    let recent = match tenants.get_mut(&tenant) {
        Some(state) if given => &mut state.recent_requests,
        _ => shared_pool,
    };
    let requests = count_within_a_minute(recent, now);
    drop(world);
    // Only the first request above the limit, so once a minute.
    if requests == REQUESTS_PER_MINUTE + 1 {
        request.shared.record_violation(
            "more_than_2000_requests_a_minute",
            Some(tenant),
            request.target.clone(),
        );
    }
    let counted = match request.route.operation {
        Operation::Blob => "GetBlob",
        Operation::Content | Operation::Notifications => "GetContents",
        _ => return Ok(()),
    };
    match behaviour.requests_per_minute_max {
        Some(most) if requests > most as usize => Err(errors::throttled(
            behaviour.throttled_status,
            counted,
            publisher,
        )),
        _ => Ok(()),
    }
}

fn count_within_a_minute(recent: &mut VecDeque<Timestamp>, now: Timestamp) -> usize {
    let minute_ago = earlier(now, Duration::from_mins(1));
    while recent.front().is_some_and(|at| *at <= minute_ago) {
        recent.pop_front();
    }
    recent.push_back(now);
    recent.len()
}

fn check_parameters(request: &Request, tenant: Uuid) -> Result<(), ApiError> {
    let known: &[&str] = match request.route.operation {
        Operation::Start | Operation::Stop => &["PublisherIdentifier", "contentType"],
        Operation::Content | Operation::Notifications => &[
            "PublisherIdentifier",
            "contentType",
            "startTime",
            "endTime",
            "nextPage",
        ],
        // A blob's address may carry anything.
        Operation::Blob => return Ok(()),
        _ => &["PublisherIdentifier"],
    };
    let Some(name) = request.query.unknown(known) else {
        return Ok(());
    };
    request
        .shared
        .record_violation("unknown_parameter", Some(tenant), request.target.clone());
    if request.shared.config.behaviour.refuse_unknown_parameters {
        let name: String = name.chars().take(100).collect();
        let text = format!(
            "the emulator knows no parameter {name} of this operation; set behaviour.refuse_unknown_parameters to false and it is ignored"
        );
        return Err(ApiError::new(400, "EmulatorUnknownParameter", text));
    }
    Ok(())
}
