//! The API described by itself: OpenAPI 3.1 for programs, and pages for people.
//!
//! Each handler says its path, parameters and answers in `#[utoipa::path]`, and is named once in [`Described`]. A test compares
//! that list with the routes.

mod page;

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Response, StatusCode};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::access::{audit, keys};
use super::findings::exceptions;
use super::manners::etag;
use super::{consent, doctor, evidence, findings, fleet, replays, tenants, timeline};
use crate::response::{ProblemBody, json_bytes};

/// All there is. One line for each handler.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "ualstream",
        description = "Microsoft 365 audit records, without gaps: tenants, how they stand, and the proof of what was delivered."
    ),
    paths(
        super::health,
        keys::me,
        keys::list,
        keys::create,
        keys::revoke,
        keys::rotate,
        audit::list,
        consent::create,
        consent::show,
        fleet::overview::overview,
        doctor::check,
        timeline::list,
        timeline::show,
        timeline::volume,
        findings::list_open,
        findings::list,
        findings::show,
        findings::story::show,
        findings::acknowledge,
        findings::close,
        findings::reopen,
        exceptions::list,
        exceptions::create,
        exceptions::remove,
        fleet::list::list,
        tenants::register,
        tenants::show,
        tenants::change,
        tenants::remove,
        evidence::certificate,
        evidence::losses,
        evidence::acknowledge,
        evidence::backfill,
        replays::list,
        replays::begin,
        replays::show,
        replays::restart,
    ),
    components(schemas(ProblemBody)),
    security(("key" = [])),
    modifiers(&Common)
)]
struct Described;

/// What all operations have in common.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut Document) {
        if let Some(components) = &mut document.components {
            let bearer = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("A key of the API"))
                .build();
            components.add_security_scheme("key", SecurityScheme::Http(bearer));
        }
        let problem = || {
            let content = ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("Problem")))
                .build();
            ResponseBuilder::new()
                .description("What is wrong, and what to do")
                .content("application/problem+json", content)
                .build()
        };
        for item in document.paths.paths.values_mut() {
            let operations = [
                &mut item.get,
                &mut item.post,
                &mut item.patch,
                &mut item.delete,
            ];
            for operation in operations.into_iter().flatten() {
                let responses = &mut operation.responses.responses;
                responses.insert("default".to_owned(), problem().into());
            }
        }
    }
}

/// Made at the first request for it.
static DOCUMENT: LazyLock<Document> = LazyLock::new(Described::openapi);

/// The description for programs.
pub(super) fn document() -> Response<Bytes> {
    let text = DOCUMENT.to_json().unwrap_or_default();
    etag::tagged(json_bytes(StatusCode::OK, text.into_bytes()), None)
}

/// The description for people.
pub(super) fn page() -> Response<Bytes> {
    etag::tagged(page::reference(&DOCUMENT), None)
}

/// What each kind of problem means.
pub(super) fn errors() -> Response<Bytes> {
    etag::tagged(page::errors(), None)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::store::ledger::consent::id::ConsentId;
    use crate::verbs::api::route::Route;

    /// A path with something in the place of each parameter.
    fn filled(path: &str) -> String {
        path.replace("{tenant_id}", "11111111-2222-4333-8444-555555555555")
            .replace("{key_id}", "0123456789ab")
            .replace("{loss_id}", "20260301T101500123-9f86d081884c7d65")
            .replace("{replay_id}", "20260301T101500123-0a1b2c3d")
            .replace("{consent_id}", &ConsentId::random().to_string())
            .replace("{finding_id}", "6a0d5f0e-0a0c-4c0b-9d52-1c6f7b1e33a4")
            .replace("{exception_id}", "6a0d5f0e-0a0c-4c0b-9d52-1c6f7b1e33a4")
            .replace("{event_id}", "MCAwIDAgMCAwIGFiYw")
    }

    #[test]
    fn each_described_path_has_its_methods() {
        for (path, item) in &DOCUMENT.paths.paths {
            let route = Route::of(&filled(path)).unwrap();
            let described = [
                (Method::GET, item.get.is_some()),
                (Method::POST, item.post.is_some()),
                (Method::PATCH, item.patch.is_some()),
                (Method::DELETE, item.delete.is_some()),
            ];
            for (method, is_described) in described {
                assert_eq!(route.takes(&method), is_described, "{method} {path}");
            }
        }
    }

    #[test]
    fn each_operation_has_a_name_of_its_own() {
        let text = serde_json::to_value(&*DOCUMENT).unwrap();
        let items = text["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let mut names: Vec<_> = operations.map(|of| of["operationId"].to_string()).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!((names.len(), all), (all, 37));
    }

    /// Two types of one name are one schema, the last one: so it was with the standing of a tenant and that of an hour.
    #[test]
    fn schemas_say_what_is_answered() {
        let text = serde_json::to_value(&*DOCUMENT).unwrap();
        let schemas = &text["components"]["schemas"];
        assert_eq!(schemas["Standing"]["type"], "object");
        assert_eq!(schemas["HourStanding"]["enum"][0], "open");
        for (path, name) in [
            ("/v1/overview", "Overview"),
            ("/v1/tenants/{tenant_id}/check", "Report"),
            ("/v1/tenants/{tenant_id}/events", "EventList"),
            ("/v1/tenants/{tenant_id}/events/{event_id}", "EventDetail"),
            ("/v1/tenants/{tenant_id}/volume", "VolumeList"),
            ("/v1/consents/{consent_id}", "ConsentView"),
        ] {
            let answer = &text["paths"][path]["get"]["responses"]["200"]["content"];
            let schema = &answer["application/json"]["schema"]["$ref"];
            assert_eq!(schema, &format!("#/components/schemas/{name}"), "{path}");
            assert_eq!(schemas[name]["type"], "object", "{name}");
        }
    }

    #[test]
    fn the_document_is_openapi_3_1() {
        let text = DOCUMENT.to_json().unwrap();
        assert!(text.starts_with(r#"{"openapi":"3.1.0""#), "{text}");
        assert!(DOCUMENT.paths.paths.len() >= 14);
    }
}
