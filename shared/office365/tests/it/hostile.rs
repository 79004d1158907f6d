//! Addresses from outside that must never be followed: a corpus of hostile spellings, and properties over any text.
//!
//! Each is offered as contentUri of a listing and of a notification and as NextPageUri; none may cause a request, and no
//! token may reach the server it points to.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use office365::{
    AllowedHosts, Client, ClientConfig, Cloud, ContentType, Endpoints, Failure, check_content_uri,
};
use proptest::prelude::*;
use url::Url;

use crate::server::{Server, TENANT, json, reply, tenant};

const GENUINE: &str = "https://manage.office.com/api/v1.0/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/2017$audit_general";
const PATH: &str =
    "/api/v1.0/41463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/2017$audit_general";

/// The end of a content address, and what stands there in the address of a next page.
const LAST: &str = "audit/2017$audit_general";
const NEXT: &str = "subscriptions/content?nextPage=";

/// What stands before the path of a genuine address.
const FRONTS: &[&str] = &[
    // Another scheme, or none.
    "http://manage.office.com",
    "HTTP://manage.office.com",
    "ftp://manage.office.com",
    "file://manage.office.com",
    "ws://manage.office.com",
    "wss://manage.office.com",
    "gopher://manage.office.com",
    "javascript://manage.office.com",
    "data://manage.office.com",
    "jar:https://manage.office.com",
    "view-source:https://manage.office.com",
    "blob:https://manage.office.com",
    "url:https://manage.office.com",
    "httpss://manage.office.com",
    "https:manage.office.com",
    "https:/manage.office.com",
    "https:///manage.office.com",
    "https:////manage.office.com",
    "https//manage.office.com",
    "//manage.office.com",
    "/manage.office.com",
    "manage.office.com",
    "",
    "https://",
    "https:",
    "://manage.office.com",
    "https ://manage.office.com",
    "https: //manage.office.com",
    "https:// manage.office.com",
    " https://manage.office.com",
    "\thttps://manage.office.com",
    "\nhttps://manage.office.com",
    "\0https://manage.office.com",
    "ht\ttps://manage.office.com",
    "ht\ntps://manage.office.com",
    "https:\\\\manage.office.com",
    "https:\\/manage.office.com",
    "https:/\\manage.office.com",
    "https://\\manage.office.com",
    "https+unix://manage.office.com",
    "ℎttps://manage.office.com",
    // Another host.
    "https://evil.example",
    "https://manage.office.com.evil.example",
    "https://manage.office.com.evil",
    "https://manage.office.comevil.example",
    "https://evil-manage.office.com",
    "https://evilmanage.office.com",
    "https://evil.manage.office.com",
    "https://manage.office.co",
    "https://manage.office.com.",
    "https://manage.office.com..",
    "https://.manage.office.com",
    "https://manage..office.com",
    "https://manage.office.con",
    "https://office.com",
    "https://www.office.com",
    "https://manage-office.com",
    "https://manage.0ffice.com",
    "https://rnanage.office.com",
    "https://manage.office.org",
    "https://manage.office.com%00.evil.example",
    "https://manage.office.com%2eevil.example",
    "https://manage%2eoffice%2ecom",
    "https://%6danage.office.com",
    "https://manage.office.com%20",
    "https://manage.office.com%2f",
    "https://manage.office.com%5c",
    "https://manage.office.com%40evil.example",
    "https://manage.office.com%23",
    "https://manage.office.com%3f",
    "https://graph.microsoft.com",
    "https://login.microsoftonline.com",
    "https://manage.windowsazure.com",
    "https://management.azure.com",
    "https://manage-gcc.office.com.evil.example",
    "https://manage.office365.us.evil.example",
    "https://localhost",
    "https://127.0.0.1",
    "https://127.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://0177.0.0.1",
    "https://0",
    "https://0.0.0.0",
    "https://169.254.169.254",
    "https://169.254.170.2",
    "https://[::1]",
    "https://[::]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:169.254.169.254]",
    "https://[fd00:ec2::254]",
    "https://[fe80::1%25eth0]",
    "https://[manage.office.com]",
    "https://[::1].office.com",
    "https://100.100.100.200",
    "https://metadata.google.internal",
    "https://10.0.0.1",
    "https://192.168.0.1",
    "https://manage.office.com:evil.example",
    "https://xn--mnage-mra.office.com",
    // Look-alikes and invisible characters.
    "https://mänage.office.com",
    "https://mаnage.office.com",
    "https://manage.оffice.com",
    "https://manage.office。com",
    "https://manage．office．com",
    "https://manage｡office｡com",
    "https://ｍanage.office.com",
    "https://manage.office.com\u{ad}",
    "https://manage.office.com\u{200b}",
    "https://\u{202e}manage.office.com",
    "https://manage.office\u{2060}.com",
    "https://manage.office.com\u{ff0f}",
    "https://manage.office.com\u{2044}evil",
    "https://manage.office.com\u{ff1a}443",
    "https://manage.office.com\u{ff20}evil.example",
    "https://manage.ofﬁce.com",
    "https://manage.oﬀice.com",
    "https://\u{feff}manage.office.com",
    "https://MANAGE.OFFİCE.COM",
    "https://manage.offıce.com",
    "https://manage.office.ⓒom",
    "https://manage.office.com\u{0}",
    // User information.
    "https://user@manage.office.com",
    "https://user:pass@manage.office.com",
    "https://:@manage.office.com",
    "https://@manage.office.com",
    "https://:pass@manage.office.com",
    "https://manage.office.com@evil.example",
    "https://manage.office.com:443@evil.example",
    "https://manage.office.com:x@evil.example",
    "https://evil.example@manage.office.com",
    "https://evil.example:80@manage.office.com",
    "https://evil.example%40@manage.office.com",
    "https://a@b@manage.office.com",
    "https://manage.office.com%40@evil.example",
    "https://manage.office.com\\@evil.example",
    "https://evil.example\\@manage.office.com",
    "https://evil.example\\.manage.office.com",
    "https://evil.example#@manage.office.com",
    "https://evil.example?@manage.office.com",
    "https://evil.example/@manage.office.com",
    "https://evil.example;@manage.office.com",
    "https://manage.office.com;@evil.example",
    "https://manage.office.com&@evil.example",
    "https://manage.office.com @evil.example",
    "https://manage.office.com\t@evil.example",
    "https://manage.office.com\r\n@evil.example",
    "https://manage.office.com#@evil.example",
    "https://manage.office.com?@evil.example",
    "https://[manage.office.com@evil.example]",
    // Ports.
    "https://manage.office.com:443",
    "https://manage.office.com:80",
    "https://manage.office.com:",
    "https://manage.office.com:0",
    "https://manage.office.com:8443",
    "https://manage.office.com:65536",
    "https://manage.office.com:-1",
    "https://manage.office.com:00443",
    "https://manage.office.com:4４3",
    "https://manage.office.com:443:443",
    "https://manage.office.com:443#",
    "https://manage.office.com:٤٤٣",
    "https://manage.office.com:443@evil.example:443",
    "https://manage.office.com: 443",
    // Blanks, controls and quotes around the host.
    "https://manage.office.com ",
    "https://manage.office.com\t",
    "https://manage.office.com\n",
    "https://manage.office.com\r",
    "https://manage.office.com\r\nHost: evil.example\r\n",
    "https://manage.off\tice.com",
    "https://manage.off\nice.com",
    "https://manage.office.com\u{7f}",
    "https://manage.office.com\u{85}",
    "https://manage.office.com\u{a0}",
    "https://manage.office.com\u{2028}",
    "\"https://manage.office.com",
    "'https://manage.office.com",
    "<https://manage.office.com",
    "https://manage.office.com\\",
    "https://manage.office.com\\evil",
    "https://\"manage.office.com\"",
    "https://manage.office.com`",
    "https://manage.office.com|",
    "https://manage.office.com^",
    "https://{manage.office.com}",
    "https://manage.office.com<",
    "https://manage.office.com;",
    "https://manage.office.com,evil.example",
    "https://manage.office.com&",
    "https://manage.office.com=",
    "https://manage.office.com*",
    "https://manage.office.com!",
    "https://manage.office.com~",
    "https://manage.office.com+",
    "https://manage.office.com$",
    "https://manage.office.com'",
    "https://manage_office_com",
    "https://manage/office/com",
    "https://manage,office,com",
    "https://manage office com",
    // Something between host and path.
    "https://manage.office.com/evil",
    "https://manage.office.com/",
    "https://manage.office.com//",
    "https://manage.office.com/.",
    "https://manage.office.com/..",
    "https://manage.office.com/%2e",
    "https://manage.office.com/%2e%2e",
    "https://manage.office.com/.%2e",
    "https://manage.office.com/%2f",
    "https://manage.office.com/%5c",
    "https://manage.office.com/\\",
    "https://manage.office.com/;",
    "https://manage.office.com/ ",
    "https://manage.office.com?",
    "https://manage.office.com#",
    "https://manage.office.com/?",
    "https://manage.office.com/#",
    "https://manage.office.com?a=b",
    "https://manage.office.com/@evil.example",
    "https://manage.office.com/https://evil.example",
    "https://evil.example/https://manage.office.com",
    "https://evil.example/?u=https://manage.office.com",
    "https://evil.example/#https://manage.office.com",
    "https://manage.office.com/..;",
];

/// What follows `https://manage.office.com` in place of a genuine path; `{t}` is the tenant.
const PATHS: &[&str] = &[
    "",
    "/",
    "/api",
    "/api/v1.0",
    "/api/v1.0/{t}",
    "/api/v1.0/{t}/activity/feed",
    "/api/v1.0/{t}/activity/feed/audit",
    "/api/v1.0/{t}/activity/feed/audit/",
    "/api/v1/{t}/activity/feed/audit/a",
    "/api/v2.0/{t}/activity/feed/audit/a",
    "/api/v1.00/{t}/activity/feed/audit/a",
    "/api/beta/{t}/activity/feed/audit/a",
    "/apis/v1.0/{t}/activity/feed/audit/a",
    "/v1.0/{t}/activity/feed/audit/a",
    "//api/v1.0/{t}/activity/feed/audit/a",
    "/api//v1.0/{t}/activity/feed/audit/a",
    "/api/v1.0//{t}/activity/feed/audit/a",
    "/api/v1.0/{t}//activity/feed/audit/a",
    "/api/v1.0/{t}/activity//feed/audit/a",
    "/api/v1.0/{t}/activity/feed//audit/a",
    "/api/v1.0/{t}/activity/feed/audit//a",
    "/api/v1.0/{t}/activity/feed/audit/a/",
    "/api/v1.0/{t}/activity/feed/audit/a/b",
    "/api/v1.0/{t}/activity/feed/audit/a//",
    "/./api/v1.0/{t}/activity/feed/audit/a",
    "/api/./v1.0/{t}/activity/feed/audit/a",
    "/x/../api/v1.0/{t}/activity/feed/audit/a",
    "/api/v1.0/{t}/../{t}/activity/feed/audit/a",
    "/api/v1.0/{t}/activity/feed/audit/.",
    "/api/v1.0/{t}/activity/feed/audit/..",
    "/api/v1.0/{t}/activity/feed/audit/../a",
    "/api/v1.0/{t}/activity/feed/audit/./a",
    "/api/v1.0/{t}/activity/feed/audit/../../subscriptions/stop",
    "/api/v1.0/{t}/activity/feed/audit/..%2f..%2fsubscriptions%2fstop",
    "/api/v1.0/{t}/activity/feed/audit/%2e%2e/a",
    "/api/v1.0/{t}/activity/feed/audit/%2e%2e",
    "/api/v1.0/{t}/activity/feed/audit/%2e",
    "/api/v1.0/{t}/activity/feed/audit/.%2e",
    "/api/v1.0/{t}/activity/feed/audit/%2E.",
    "/api/v1.0/{t}/activity/feed/audit/a%2fb",
    "/api/v1.0/{t}/activity/feed/audit/a%2Fb",
    "/api/v1.0/{t}/activity/feed/audit/a%5cb",
    "/api/v1.0/{t}/activity/feed/audit/a\\b",
    "/api/v1.0/{t}/activity/feed/audit/a\\..\\b",
    "/api/v1.0/{t}/activity/feed\\audit\\a",
    "\\api\\v1.0\\{t}\\activity\\feed\\audit\\a",
    "/api/v1.0/{t}/activity/feed/audit/a%00",
    "/api/v1.0/{t}/activity/feed/audit/a%0d%0aX-Evil:%201",
    "/api/v1.0/{t}/activity/feed/audit/a%20b",
    "/api/v1.0/{t}/activity/feed/audit/a b",
    "/api/v1.0/{t}/activity/feed/audit/a%",
    "/api/v1.0/{t}/activity/feed/audit/a%2",
    "/api/v1.0/{t}/activity/feed/audit/a%zz",
    "/api/v1.0/{t}/activity/feed/audit/a%25",
    "/api/v1.0/{t}/activity/feed/audit/%252e%252e",
    "/api/v1.0/{t}/activity/feed/audit/a%3fb",
    "/api/v1.0/{t}/activity/feed/audit/a%23b",
    "/api/v1.0/{t}/activity/feed/audit/a%40b",
    "/api/v1.0/{t}/activity/feed/audit/%61",
    "/api/v1.0/{t}/activity/feed/audit/%c0%ae%c0%ae",
    "/api/v1.0/{t}/activity/feed/audit/%u002e",
    "/api/v1.0/{t}/activity/feed/audit/a#",
    "/api/v1.0/{t}/activity/feed/audit/a#fragment",
    "/api/v1.0/{t}/activity/feed/audit/a?b#c",
    "/api/v1.0/{t}/activity/feed/audit/#a",
    "/api/v1.0/{t}/activity/feed/audit/?a",
    "/api/v1.0/{t}/activity/feed/audit?a",
    "/api/v1.0/{t}/activity/feed/audit/?id=a",
    "/api/v1.0/{t}/activity/feed/audit/a?b c",
    "/api/v1.0/{t}/activity/feed/audit/a?\"",
    "/api/v1.0/{t}/activity/feed/audit/a\r\nX-Evil: 1",
    "/api/v1.0/{t}/activity/feed/audit/a\0",
    "/api/v1.0/{t}/activity/feed/audit/a\t",
    "/api/v1.0/{t}/activity/feed/audit/\u{202e}a",
    "/api/v1.0/{t}/activity/feed/audit/ä",
    "/api/v1.0/{t}/activity/feed/audit/a\u{ff0f}b",
    "/api/v1.0/{t}/activity/feed/audit/a\"b",
    "/api/v1.0/{t}/activity/feed/audit/<a>",
    "/api/v1.0/{t}/activity/feed/audit/{a}",
    "/api/v1.0/{t}/activity/feed/audit/a|b",
    "/api/v1.0/{t}/activity/feed/audit/a^b",
    "/api/v1.0/{t}/activity/feed/audit/`a`",
    "/api/v1.0/{t}/activity/feed/audit/[a]",
    "/api/v1.0/{t}/activity/feed/audits/a",
    "/api/v1.0/{t}/activity/feed/aud%69t/a",
    "/api/v1.0/{t}/activity/feed/audit;x/a",
    "/api/v1.0/{t}/activity/feed;/audit/a",
    "/api/v1.0/{t}/activity/audit/a",
    "/api/v1.0/{t}/feed/audit/a",
    "/api/v1.0/{t}/activity/feed/subscriptions/stop",
    "/api/v1.0/{t}/activity/feed/subscriptions/start?contentType=Audit.General",
    "/api/v1.0/{t}/activity/feed/subscriptions/content",
    "/api/v1.0/{t}/activity/feed/resources/dlpSensitiveTypes",
    "/api/v1.0/{t}/ServiceComms/CurrentStatus",
    "/api/v1.0/11463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/a",
    "/api/v1.0/00000000-0000-0000-0000-000000000000/activity/feed/audit/a",
    "/api/v1.0/common/activity/feed/audit/a",
    "/api/v1.0/organizations/activity/feed/audit/a",
    "/api/v1.0/contoso.onmicrosoft.com/activity/feed/audit/a",
    "/api/v1.0/{t}.evil/activity/feed/audit/a",
    "/api/v1.0/{t}%20/activity/feed/audit/a",
    "/api/v1.0/{t};/activity/feed/audit/a",
    "/api/v1.0/%7b{t}%7d/activity/feed/audit/a",
    "/api/v1.0/41463f53881240f4890f865bf6e35190/activity/feed/audit/a",
    "/api/v1.0/{t}0/activity/feed/audit/a",
    "/api/v1.0/urn:uuid:{t}/activity/feed/audit/a",
    "/api/v1.0/41463f53-8812-40f4-890f-865bf6e3519/activity/feed/audit/a",
    "/api/v1.0/41463f53-8812-40f4-890f-865bf6e3519０/activity/feed/audit/a",
    "/api/v1.0/../v1.0/{t}/activity/feed/audit/a",
    "/api/v1.0/%34%31463f53-8812-40f4-890f-865bf6e35190/activity/feed/audit/a",
    "@evil.example/api/v1.0/{t}/activity/feed/audit/a",
];

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
fn another_clouds_server_is_refused_where_the_cloud_is_known() {
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
async fn hostile_listed_addresses_cause_no_request_and_no_token_leaves() {
    let trap = Server::start(|_, _| json(200, "[]")).await;
    let listing = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let answer = std::sync::Arc::clone(&listing);
    let server = Server::start(move |_, _| json(200, &answer.lock().unwrap())).await;
    let all = aimed(&server, &trap);
    let elements: Vec<_> = all
        .iter()
        .map(|uri| serde_json::json!({"contentType": "Audit.General", "contentId": "2017$audit_general", "contentUri": uri,
            "contentCreated": "2026-07-01T09:30:00Z", "contentExpiration": "2026-07-08T09:30:00Z"}))
        .collect();
    *listing.lock().unwrap() = serde_json::to_string(&elements).unwrap();
    let (start, end) = window();
    let client = client_of(&server);
    let listed = client
        .list_content(
            tenant(),
            Cloud::Enterprise,
            ContentType::AuditGeneral,
            start,
            end,
        )
        .await
        .unwrap();
    assert_eq!(listed.contents, []);
    assert_eq!(listed.rejected_count, all.len());
    assert!(listed.rejected.len() <= 100, "reasons are bounded");
    assert_eq!(server.calls().len(), 1, "only the listing itself");
    assert_eq!(trap.calls().len() + trap.token_calls().len(), 0);
}

#[tokio::test]
async fn hostile_next_pages_cause_no_request_and_no_token_leaves() {
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
        let listed = client
            .list_content(
                tenant(),
                Cloud::Enterprise,
                ContentType::AuditGeneral,
                start,
                end,
            )
            .await;
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
    fn a_shuffled_address_is_refused_or_means_what_it_says(uri in shuffled()) {
        agrees(&uri);
    }

    #[test]
    fn a_mutated_address_is_refused_or_means_what_it_says(uri in mutated()) {
        agrees(&uri);
    }
}
