//! Hostile addresses: a corpus of spellings, and properties over any text.
//!
//! Each is offered as contentUri and as NextPageUri. None may cause a request, and no token may reach its server. A blob with
//! such a contentUri is fetched by its id.

mod corpus;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use office365::{
    AllowedHosts, Client, ClientConfig, Cloud, ContentType, Endpoints, Failure, check_content_uri,
};
use proptest::prelude::*;
use url::Url;

use self::corpus::{FRONTS, PATHS};
use crate::server::{Server, TENANT, json, pages, reply, tenant};

const GENUINE: &str = "https://manage.office.com/api/v1.0/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/2017$audit_general";
const PATH: &str =
    "/api/v1.0/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/2017$audit_general";

/// The end of a content address, and what stands there in the address of a next page.
const LAST: &str = "audit/2017$audit_general";
const NEXT: &str = "subscriptions/content?nextPage=";

/// The whole corpus: no two alike.
fn corpus() -> Vec<String> {
    let mut all: Vec<String> = FRONTS
        .iter()
        .map(|front| format!("{front}{PATH}"))
        .collect();
    let paths = PATHS.iter().map(|path| path.replace("{t}", TENANT));
    all.extend(paths.map(|path| format!("https://manage.office.com{path}")));
    all.extend([
        format!("{GENUINE}{}", "a".repeat(512)),
        format!("{GENUINE}?{}", "a".repeat(5000)),
        "https://manage.office.com".repeat(100),
        format!("https://{}manage.office.com{PATH}", "a@".repeat(3000)),
        "a".repeat(1_000_000),
        String::new(),
    ]);
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len(), "no spelling twice");
    assert!(all.len() >= 300, "only {} spellings", all.len());
    all
}

#[test]
fn the_genuine_address_is_taken() {
    let hosts = AllowedHosts::of_any_cloud(&Endpoints::default());
    assert!(check_content_uri(GENUINE, tenant(), &hosts).is_ok());
}

#[test]
fn every_hostile_spelling_is_refused() {
    let one = AllowedHosts::of_cloud(&Endpoints::default(), Cloud::Enterprise);
    let any = AllowedHosts::of_any_cloud(&Endpoints::default());
    for uri in corpus() {
        assert!(check_content_uri(&uri, tenant(), &one).is_err(), "{uri:?}");
        assert!(check_content_uri(&uri, tenant(), &any).is_err(), "{uri:?}");
    }
}

#[test]
fn the_server_of_another_cloud_is_refused() {
    for cloud in Cloud::ALL {
        let hosts = AllowedHosts::of_cloud(&Endpoints::default(), cloud);
        for other in Cloud::ALL {
            let uri = format!("{}{PATH}", other.manage_url());
            assert_eq!(
                check_content_uri(&uri, tenant(), &hosts).is_ok(),
                other == cloud
            );
        }
    }
}

/// The corpus as it would be aimed at a client of `server`, with `trap` in the place of foreign hosts.
fn aimed(server: &Server, trap: &Server) -> Vec<String> {
    let authority = |server: &Server| server.base.trim_start_matches("http://").to_owned();
    let (own, foreign) = (authority(server), authority(trap));
    let mut all = Vec::new();
    for uri in corpus() {
        let http = uri.replace("https:", "http:");
        all.push(
            http.replace("manage.office.com", &own)
                .replace("evil.example", &foreign),
        );
        all.push(uri);
    }
    all.push(format!("{}{PATH}", trap.base));
    // What only http made hostile is genuine here.
    let genuine = format!("{}{PATH}", server.base);
    all.retain(|uri| !uri.eq_ignore_ascii_case(&genuine));
    all
}

fn client_of(server: &Server) -> Client {
    let config: ClientConfig = server.config();
    Client::new(config).unwrap()
}

fn window() -> (Timestamp, Timestamp) {
    let end: Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
    (end - SignedDuration::from_hours(1), end)
}

#[tokio::test]
async fn a_hostile_listed_address_gets_no_request_and_no_token() {
    let trap = Server::start(|_, _| json(200, "[]")).await;
    let listing = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let answer = std::sync::Arc::clone(&listing);
    let server = Server::start(move |_, _| json(200, &answer.lock().unwrap())).await;
    let all = aimed(&server, &trap);
    let elements: Vec<_> = all
        .iter()
        .enumerate()
        .map(|(n, uri)| serde_json::json!({"contentType": "Audit.General", "contentId": format!("{n}$audit_general"), "contentUri": uri,
            "contentCreated": "2026-07-01T09:30:00Z", "contentExpiration": "2026-07-08T09:30:00Z"}))
        .collect();
    *listing.lock().unwrap() = serde_json::to_string(&elements).unwrap();
    let (start, end) = window();
    let client = client_of(&server);
    let listed = pages(&client, ContentType::AuditGeneral, start, end);
    let listed = listed.await.unwrap().remove(0);
    assert_eq!(listed.rejected_count, 0);
    assert_eq!(listed.readdressed_count, all.len());
    assert_eq!(listed.readdressed.len(), 100, "reasons are bounded");
    assert_eq!(listed.contents.len(), all.len(), "the ids are good");
    let id = &listed.contents[0].content_id;
    let fetch = client.fetch_blob(tenant(), Cloud::Enterprise, id, 1 << 30);
    fetch.await.unwrap();
    assert_eq!(server.calls().len(), 2, "only the listing and the blob");
    assert_eq!(trap.calls().len() + trap.token_calls().len(), 0);
}

#[tokio::test]
async fn a_hostile_next_page_gets_no_request_and_no_token() {
    let trap = Server::start(|_, _| json(200, "[]")).await;
    let next = std::sync::Arc::new(std::sync::Mutex::new(http::HeaderValue::from_static("")));
    let answer = std::sync::Arc::clone(&next);
    let server = Server::start(move |_, _| {
        let mut response = reply(200, &[], "[]");
        let value = answer.lock().unwrap().clone();
        response.headers_mut().insert("nextpageuri", value);
        response
    })
    .await;
    let client = client_of(&server);
    let (start, end) = window();
    let mut offered = 0;
    for uri in aimed(&server, &trap) {
        let uri = uri.replace(LAST, &format!("{NEXT}1"));
        // What no header can carry never arrives; a header line has its limit.
        let Ok(value) = http::HeaderValue::from_bytes(uri.as_bytes()) else {
            continue;
        };
        // An empty header is no next page, and a page token may be any text.
        let genuine = format!("{}{}1", server.base, PATH.replace(LAST, NEXT));
        let is_genuine = uri.trim_end_matches('a').eq_ignore_ascii_case(&genuine);
        if value.is_empty() || value.len() > 10_000 || is_genuine || uri.trim() != uri {
            continue;
        }
        *next.lock().unwrap() = value;
        offered += 1;
        let listed = pages(&client, ContentType::AuditGeneral, start, end).await;
        let error = listed.expect_err(&uri);
        assert!(
            matches!(error.failure(), Failure::Hostile(_)),
            "{uri:?}: {error}"
        );
    }
    assert!(offered >= 300, "{offered}");
    assert_eq!(
        server.calls().len(),
        offered,
        "one request for each, none for its next page"
    );
    assert_eq!(trap.calls().len() + trap.token_calls().len(), 0);
}

fn shuffled() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "https://",
            "http://",
            "manage.office.com",
            "evil.example",
            "/api/v1.0/",
            TENANT,
            "/activity/feed/audit/",
            "a$1",
            "@",
            ":443",
            "#",
            "?",
            "..",
            "/",
            "\\",
            "%2e",
            "%24",
            "%2f",
            ".",
            "//",
            ";",
            "\t",
            " "
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn mutated() -> impl Strategy<Value = String> {
    (
        0..GENUINE.len(),
        0..GENUINE.len(),
        "[\\x00-\\x7f]{0,3}|\\PC{0,2}",
    )
        .prop_map(|(from, to, insert)| {
            let (from, to) = (from.min(to), from.max(to));
            let to = if to - from > 3 { from } else { to };
            format!("{}{insert}{}", &GENUINE[..from], &GENUINE[to..])
        })
}

/// Whatever is taken, a browser's parser must read in the same way, and what is built of it must stay in its place.
fn agrees(uri: &str) {
    let hosts = AllowedHosts::of_cloud(&Endpoints::default(), Cloud::Enterprise);
    let Ok(id) = check_content_uri(uri, tenant(), &hosts) else {
        return;
    };
    let given = Url::parse(uri).unwrap();
    assert_eq!(
        (given.scheme(), given.host_str(), given.port()),
        ("https", Some("manage.office.com"), None),
        "{uri:?}"
    );
    assert_eq!(
        (given.username(), given.password(), given.fragment()),
        ("", None, None),
        "{uri:?}"
    );
    assert_eq!(given.path_segments().unwrap().count(), 7, "{uri:?}");
    let rebuilt = format!("https://manage.office.com/api/v1.0/{TENANT}/activity/feed/audit/{id}");
    assert_eq!(
        Url::parse(&rebuilt).unwrap().as_str(),
        rebuilt,
        "nothing in it is normalized"
    );
    assert_eq!(
        given
            .path_segments()
            .unwrap()
            .next_back()
            .unwrap()
            .replace("%24", "$"),
        id.as_str()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn a_shuffled_address_is_refused_or_reads_as_in_a_browser(uri in shuffled()) {
        agrees(&uri);
    }

    #[test]
    fn a_mutated_address_is_refused_or_reads_as_in_a_browser(uri in mutated()) {
        agrees(&uri);
    }
}
