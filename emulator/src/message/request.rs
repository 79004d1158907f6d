//! A request: route, query, headers, and the claims of its token.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};
use uuid::Uuid;

use super::access_token;
use super::access_token::Claims;
use super::query::Query;
use super::route::Route;
use crate::content_type::ContentType;
use crate::world::SharedState;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) shared: Arc<SharedState>,
    pub(crate) method: Method,
    /// Path and query as sent.
    pub(crate) target: String,
    pub(crate) route: Route,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Set by a fault: the host that `contentUri` names.
    pub(crate) foreign_host: Option<String>,
    /// The claims, read at most once: checking a signature costs more than the rest of a small response.
    pub(crate) claims: OnceLock<Option<Claims>>,
}

impl Request {
    /// The tenant in the address, when it is a GUID.
    pub(crate) fn tenant(&self) -> Option<Uuid> {
        self.route.tenant.parse().ok()
    }

    /// The content type asked for: by parameter, or by the content id.
    pub(crate) fn content_type(&self) -> Option<ContentType> {
        match self.query.get("contentType") {
            Some(name) => name.parse().ok(),
            None => content_type_of_id(&self.route.rest),
        }
    }

    /// The claims of the bearer token, when it is one that we issued; expired or not.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        self.claims.get_or_init(|| self.read_claims()).as_ref()
    }

    fn read_claims(&self) -> Option<Claims> {
        let header = self.headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = header.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| access_token::decode(&self.shared.application.token_key, token.trim()))?
    }
}

/// The content type that a content id names in its fourth part.
pub(crate) fn content_type_of_id(content_id: &str) -> Option<ContentType> {
    let name = content_id.split('$').nth(3)?;
    ContentType::ALL.into_iter().find(|content_type| {
        content_type
            .name()
            .replace('.', "_")
            .eq_ignore_ascii_case(name)
    })
}
