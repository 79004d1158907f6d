//! What people do with findings through the API: look for them, read their story, decide what they were, and make exceptions.

use std::collections::BTreeSet;
use std::time::Duration;

use http::{Method, StatusCode};
use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tests::Outcome;
use tests::flaky::Trouble;
use tests::world::{EXCHANGE, World, quiet};

use super::{ONE, SPRAY, act, deliver, installed, look_again, put};

async fn get(world: &World, path: &str) -> Outcome<Value> {
    let (status, answer) = world.operate(Method::GET, path, Value::Null).await;
    match status {
        StatusCode::OK => Ok(answer),
        status => Err(format!("{path}: {status}: {answer}").into()),
    }
}

async fn post(world: &World, path: &str, body: Value) -> (u16, Value) {
    let (status, answer) = world.operate(Method::POST, path, body).await;
    (status.as_u16(), answer)
}

fn of(world: &World, rest: &str) -> String {
    format!("/v1/tenants/{}/findings{rest}", world.tenant())
}

/// What a member is of each finding of a list.
fn each<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    let findings = list["findings"].as_array().into_iter().flatten();
    findings.filter_map(|of| of[member].as_str()).collect()
}

/// A record's time so many minutes ago: the timeline goes back 21 days.
fn ago(world: &World, minutes: u64) -> String {
    let at = world.now() - Duration::from_secs(minutes * 60);
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A tenant with `n` findings, a minute apart: the users are `user-0`, `user-1` …
async fn found(n: u32) -> Outcome<World> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    let records = (0..n).map(|n| {
        let at = format!("2026-03-01T09:{n:02}:00");
        let changes = json!({
            "UserId": format!("user-{n}"), "ClientIP": format!("192.0.2.{n}"), "CreationTime": at,
        });
        act(&world, n, "Test-Act", &changes)
    });
    deliver(&world, records.collect()).await?;
    world.detect_until_empty().await?;
    Ok(world)
}

#[tokio::test]
async fn findings_are_listed_page_by_page_newest_first() -> Outcome<()> {
    let world = found(7).await?;
    let (mut users, mut cursor) = (Vec::new(), String::new());
    for page in 0..4 {
        let list = get(&world, &of(&world, &format!("?limit=2{cursor}"))).await?;
        users.extend(each(&list, "user").into_iter().map(str::to_owned));
        match list["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => assert_eq!(page, 3, "{list}"),
        }
    }
    let expect: Vec<String> = (0..7).rev().map(|n| format!("user-{n}")).collect();
    assert_eq!(users, expect);
    let all = get(&world, "/v1/findings?limit=200").await?;
    assert_eq!(each(&all, "user"), expect);
    assert_eq!(all["next_cursor"], Value::Null);
    let first = &all["findings"][0];
    assert_eq!(first["tenant_name"], "Contoso");
    assert_eq!(
        (&first["severity"], &first["state"]),
        (&json!("High"), &json!("new"))
    );
    assert_eq!(first["last_at"], "2026-03-01T09:06:00Z");
    Ok(())
}

#[tokio::test]
async fn a_list_has_what_is_asked_for() -> Outcome<()> {
    let world = found(4).await?;
    let rule = "0c6a3a1e-0000-4000-8000-000000000001";
    for (query, expect) in [
        ("?user=USER-1", vec!["user-1"]),
        ("?address=192.0.2.2", vec!["user-2"]),
        ("?severity=low,medium", vec![]),
        (
            &format!("?severity=high&rule={rule}&limit=1"),
            vec!["user-3"],
        ),
        ("?from=2026-03-01T09:02:00Z", vec!["user-3", "user-2"]),
        ("?to=2026-03-01T09:01:00Z", vec!["user-0"]),
        ("?state=closed", vec![]),
        ("?state=all&user=user-0", vec!["user-0"]),
    ] {
        let list = get(&world, &of(&world, query)).await?;
        assert_eq!(each(&list, "user"), expect, "{query}");
    }
    let (status, refused) = world
        .operate(Method::GET, "/v1/findings?state=closed", Value::Null)
        .await;
    assert_eq!(
        (status.as_u16(), &refused["title"]),
        (400, &json!("Query cannot be read"))
    );
    Ok(())
}

#[tokio::test]
async fn somebody_decides_what_a_finding_was() -> Outcome<()> {
    let world = found(2).await?;
    let list = get(&world, &of(&world, "?user=user-1")).await?;
    let id = each(&list, "finding_id")[0].to_owned();
    let path = |step: &str| of(&world, &format!("/{id}/{step}"));
    world.pass(Duration::from_secs(60));
    let (status, seen) = post(&world, &path("acknowledge"), Value::Null).await;
    assert_eq!((status, &seen["state"]), (200, &json!("acknowledged")));
    assert_eq!(seen["changed_by"], "the installation's own key");
    assert_eq!(
        each(&get(&world, "/v1/findings?state=new").await?, "user"),
        ["user-0"]
    );

    let benign = json!({"verdict": "benign", "note": "our own test"});
    let (status, closed) = post(&world, &path("close"), benign).await;
    assert_eq!((status, &closed["state"]), (200, &json!("closed")));
    assert_eq!(
        (&closed["verdict"], &closed["note"]),
        (&json!("benign"), &json!("our own test"))
    );
    assert_eq!(
        each(&get(&world, "/v1/findings").await?, "user"),
        ["user-0"]
    );
    assert_eq!(get(&world, "/v1/overview").await?["findings_open"], 1);
    let (status, refused) = post(&world, &path("acknowledge"), Value::Null).await;
    assert_eq!(
        (status, &refused["type"]),
        (409, &json!("/docs/errors#finding-is-closed"))
    );
    let (_, again) = post(&world, &path("close"), json!({"verdict": "benign"})).await;
    assert_eq!(
        again["note"], "our own test",
        "a second time changes nothing"
    );
    let (_, other) = post(&world, &path("close"), json!({"verdict": "true_positive"})).await;
    assert_eq!(other["verdict"], "true_positive");

    // Looking at the records again opens nothing.
    look_again(&world).await?;
    assert_eq!(
        each(&get(&world, "/v1/findings").await?, "user"),
        ["user-0"]
    );
    let (_, open) = post(&world, &path("reopen"), json!({"note": "it was not"})).await;
    assert_eq!(
        (&open["state"], &open["verdict"]),
        (&json!("new"), &Value::Null)
    );
    assert_eq!(
        each(&get(&world, "/v1/findings").await?, "user"),
        ["user-1", "user-0"]
    );
    let log = get(&world, "/v1/audit-log").await?;
    let log = log["entries"].as_array().ok_or("no entries")?;
    let of_id = log.iter().filter(|entry| entry["target"] == json!(id));
    let actions: BTreeSet<_> = of_id.filter_map(|entry| entry["action"].as_str()).collect();
    let expect = ["finding.acknowledge", "finding.close", "finding.reopen"];
    assert_eq!(actions, expect.into());
    Ok(())
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_is_one_step() -> Outcome<()> {
    let world = found(1).await?;
    let list = get(&world, "/v1/findings").await?;
    let path = of(&world, &format!("/{}/close", each(&list, "finding_id")[0]));
    world
        .flaky_dynamodb
        .next("UpdateItem", Trouble::AnswerLost, 1);
    let (status, closed) = post(&world, &path, json!({"verdict": "test", "note": "a try"})).await;
    assert_eq!((status, &closed["verdict"]), (200, &json!("test")));
    assert_eq!(closed["note"], "a try");
    Ok(())
}

#[tokio::test]
async fn a_finding_shows_its_rule_and_its_event() -> Outcome<()> {
    let world = found(1).await?;
    let list = get(&world, "/v1/findings").await?;
    let id = each(&list, "finding_id")[0];
    let detail = get(&world, &of(&world, &format!("/{id}"))).await?;
    assert_eq!(detail["rule"]["title"], "One act");
    assert_eq!(detail["event"]["class_uid"], 2004);
    assert_eq!(detail["event"]["metadata"]["uid"], json!(id));
    assert_eq!(detail["record_ids"], json!([world.record(0)["Id"]]));
    assert_eq!(detail["sigma"], json!(ONE), "the operator's own file");
    let (status, gone) = world
        .operate(
            Method::GET,
            &of(&world, "/6a0d5f0e-0a0c-4c0b-9d52-1c6f7b1e33a4"),
            Value::Null,
        )
        .await;
    assert_eq!(
        (status.as_u16(), &gone["title"]),
        (404, &json!("No such finding"))
    );
    Ok(())
}

#[tokio::test]
async fn a_finding_tells_what_came_before_and_after() -> Outcome<()> {
    let world = installed(&[SPRAY], EventSettings::default()).await?;
    let from = |user: &str, address: &str, minute: u64| {
        let at = ago(&world, 30 - minute);
        json!({"UserId": user, "ClientIP": address, "CreationTime": at})
    };
    let (attacker, elsewhere) = ("203.0.113.9", "198.51.100.1");
    let records = vec![
        act(&world, 1, "Test-Before", &from("eve", attacker, 1)),
        act(&world, 2, "Test-Guess", &from("alex", attacker, 10)),
        act(&world, 3, "Test-Guess", &from("sam", attacker, 11)),
        act(&world, 4, "Test-Guess", &from("kim", attacker, 12)),
        act(&world, 5, "Test-Elsewhere", &from("kim", elsewhere, 13)),
        act(&world, 6, "Test-After", &from("kim", attacker, 14)),
    ];
    deliver(&world, records).await?;
    world.detect_until_empty().await?;
    // Delivering takes real time, and a search sees what was done before it.
    world.pass(Duration::from_secs(60));
    let list = get(&world, "/v1/findings").await?;
    let id = each(&list, "finding_id")[0];
    let story = get(&world, &of(&world, &format!("/{id}/story"))).await?;
    let told: Vec<(&str, bool)> = story["events"]
        .as_array()
        .ok_or("no events")?
        .iter()
        .map(|of| {
            (
                of["operation"].as_str().unwrap_or_default(),
                of["is_evidence"] == true,
            )
        })
        .collect();
    let expect = [
        ("Test-Before", false),
        ("Test-Guess", true),
        ("Test-Guess", true),
        ("Test-Guess", true),
        ("Test-After", false),
    ];
    assert_eq!(told, expect, "{story}");
    assert_eq!(story["events"][4]["shares"], json!(["address"]));
    assert_eq!(
        (&story["complete"], &story["more"]),
        (&json!(true), &json!(false))
    );
    Ok(())
}

#[tokio::test]
async fn events_in_findings_are_marked_in_the_timeline() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    let now = json!({"CreationTime": ago(&world, 5)});
    let records = vec![
        act(&world, 1, "Test-Act", &now),
        act(&world, 2, "Test-Other", &now),
    ];
    deliver(&world, records).await?;
    world.detect_until_empty().await?;
    world.pass(Duration::from_secs(60));
    let path = format!("/v1/tenants/{}/events", world.tenant());
    let list = get(&world, &path).await?;
    let marks = |operation: &str| {
        let events = list["events"].as_array()?;
        let event = events.iter().find(|of| of["operation"] == operation)?;
        Some(event["findings"].clone())
    };
    let found = marks("Test-Act").ok_or("no event")?;
    assert_eq!(
        (&found[0]["title"], &found[0]["severity"]),
        (&json!("One act"), &json!("High"))
    );
    assert_eq!(marks("Test-Other"), Some(json!([])));
    Ok(())
}

#[tokio::test]
async fn a_key_of_some_tenants_sees_their_findings_alone() -> Outcome<()> {
    let config = emulator::Config {
        tenants: 2,
        ..quiet()
    };
    let world = World::start(config).await?;
    put(&world, "own.yml", ONE)?;
    world.register(&[EXCHANGE]).await?;
    let other = world.emulator.tenants()[1];
    let key = json!({"name": "other", "scope": "admin", "tenants": [other]});
    let (_, key) = post(&world, "/v1/keys", key).await;
    let key = key["key"].as_str().ok_or("no key")?;
    deliver(&world, vec![act(&world, 1, "Test-Act", &json!({}))]).await?;
    world.detect_until_empty().await?;
    let ask = |method, path, body: Value| {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        world.operate_raw(method, path, Some(key), body)
    };
    let (_, list) = ask(Method::GET, "/v1/findings", Value::Null).await;
    assert_eq!(list, json!({"findings": [], "next_cursor": null}));
    let (_, overview) = ask(Method::GET, "/v1/overview", Value::Null).await;
    assert_eq!(overview["findings_open"], 0);

    // An exception for all tenants takes a key for all tenants, and is not the other's to see.
    let exception = json!({"user": "alex", "reason": "x", "until": "2027-01-01T00:00:00Z"});
    let (status, _) = ask(Method::POST, "/v1/exceptions", exception.clone()).await;
    assert_eq!(status, 403);
    let (_, made) = post(&world, "/v1/exceptions", exception.clone()).await;
    let (_, seen) = ask(Method::GET, "/v1/exceptions", Value::Null).await;
    assert_eq!(seen, json!({"exceptions": []}));
    let path = format!(
        "/v1/exceptions/{}",
        made["exception_id"].as_str().ok_or("no id")?
    );
    assert_eq!(ask(Method::DELETE, &path, Value::Null).await.0, 404);
    let mut own = exception;
    own["tenant_id"] = json!(other);
    assert_eq!(
        ask(Method::POST, "/v1/exceptions", own.clone()).await.0,
        201
    );
    own["tenant_id"] = json!(world.tenant());
    assert_eq!(ask(Method::POST, "/v1/exceptions", own).await.0, 404);
    Ok(())
}

#[tokio::test]
async fn an_exception_is_counted_and_ends_when_it_is_removed() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    let exception = json!({
        "address": "203.0.113.0/24", "reason": "our scanner", "until": "2027-01-01T00:00:00Z",
    });
    let (status, made) = post(&world, "/v1/exceptions", exception).await;
    assert_eq!(status, 201, "{made}");
    let from = json!({"ClientIP": "203.0.113.7"});
    deliver(&world, vec![act(&world, 1, "Test-Act", &from)]).await?;
    world.detect_until_empty().await?;
    assert_eq!(get(&world, "/v1/findings").await?["findings"], json!([]));
    let list = get(&world, "/v1/exceptions").await?;
    let listed = &list["exceptions"][0];
    assert_eq!(
        (&listed["used"], &listed["author"]),
        (&json!(1), &json!("the installation's own key"))
    );

    let path = format!(
        "/v1/exceptions/{}",
        made["exception_id"].as_str().ok_or("no id")?
    );
    let (status, _) = world.operate(Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, 204);
    let (status, _) = world.operate(Method::DELETE, &path, Value::Null).await;
    assert_eq!(status, 404);
    world.pass(pipeline::detect::RELOAD_AFTER + Duration::from_secs(1));
    deliver(&world, vec![act(&world, 2, "Test-Act", &from)]).await?;
    world.detect_until_empty().await?;
    let list = get(&world, "/v1/findings").await?;
    assert_eq!(each(&list, "address"), ["203.0.113.7"]);
    Ok(())
}

#[tokio::test]
async fn tenants_say_how_many_findings_are_open() -> Outcome<()> {
    let world = found(3).await?;
    // What was counted when the tenant was registered serves for some seconds.
    world.pass(Duration::from_secs(60));
    // Without the table of findings, tenants are shown all the same.
    let flaky = &world.flaky_dynamodb;
    flaky.next_matching("Query", "open-findings", Trouble::Throttled, 200);
    let list = get(&world, "/v1/tenants").await?;
    assert_eq!(list["tenants"][0]["findings"], Value::Null);
    flaky.clear();
    let list = get(&world, "/v1/tenants").await?;
    let counts = &list["tenants"][0]["findings"];
    assert_eq!(
        (&counts["open"], &counts["and_more"]),
        (&json!(3), &json!(false))
    );
    assert_eq!(
        (&counts["worst"], &counts["by_severity"]["High"]),
        (&json!("High"), &json!(3))
    );
    let overview = get(&world, "/v1/overview").await?;
    assert_eq!(overview["findings_open_by_severity"]["High"], 3);
    Ok(())
}
