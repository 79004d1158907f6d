//! Token endpoints: both versions, every refusal.

use emulator::{Config, Consent, TenantState};
use serde_json::Value;

use crate::world::{Seen, World};

const SCOPE: (&str, &str) = ("scope", "https://manage.office.com/.default");
const RESOURCE: (&str, &str) = ("resource", "https://manage.office.com");

fn claims(token: &Value) -> Value {
    use base64::Engine;
    let payload = token
        .as_str()
        .expect("a token")
        .split('.')
        .nth(1)
        .expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload)
        .expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn check(answer: &Seen, status: u16, error: &str, number: u64) {
    let body = answer.json();
    assert_eq!(
        (
            answer.status,
            body["error"].as_str(),
            body["error_codes"][0].as_u64()
        ),
        (status, Some(error), Some(number)),
        "{body}"
    );
    let description = body["error_description"].as_str().expect("a text");
    assert!(
        description.starts_with(&format!("AADSTS{number}: ")),
        "{description}"
    );
    for field in ["timestamp", "trace_id", "correlation_id", "error_uri"] {
        assert!(body[field].is_string(), "{field} is missing in {body}");
    }
}

#[tokio::test]
async fn v1_answers_numbers_as_strings_and_v2_as_numbers() {
    let world = World::new(World::config()).await;
    let tenant = world.tenant.to_string();
    let secret = world.microsoft.client_secret().to_owned();
    let v1 = world
        .ask_token(&tenant, "token", &[("client_secret", &secret), RESOURCE])
        .await
        .json();
    for field in ["expires_in", "ext_expires_in", "expires_on", "not_before"] {
        assert!(
            v1[field].as_str().expect("a string").parse::<i64>().is_ok(),
            "{field}: {v1}"
        );
    }
    assert_eq!(
        (v1["token_type"].as_str(), v1["resource"].as_str()),
        (Some("Bearer"), Some("https://manage.office.com"))
    );
    let v2 = world
        .ask_token(&tenant, "v2.0/token", &[("client_secret", &secret), SCOPE])
        .await
        .json();
    let lifetime = v2["expires_in"].as_i64().expect("a number");
    assert!(
        (3_599..=5_399).contains(&lifetime),
        "60 to 90 minutes: {lifetime}"
    );
}

#[tokio::test]
async fn a_token_carries_the_claims_of_an_app_only_token() {
    let world = World::new(World::config()).await;
    let secret = world.microsoft.client_secret().to_owned();
    let answer = world
        .ask_token(
            &world.tenant.to_string(),
            "token",
            &[("client_secret", &secret), RESOURCE],
        )
        .await
        .json();
    let claims = claims(&answer["access_token"]);
    assert_eq!(claims["aud"], "https://manage.office.com");
    assert_eq!(
        claims["iss"],
        format!("https://sts.windows.net/{}/", world.tenant)
    );
    assert_eq!(claims["tid"], world.tenant.to_string());
    assert_eq!(claims["appid"], world.microsoft.client_id().to_string());
    assert_eq!(claims["oid"], claims["sub"]);
    assert_eq!(
        (claims["ver"].as_str(), claims["appidacr"].as_str()),
        (Some("1.0"), Some("1"))
    );
    assert_eq!(
        claims["roles"],
        serde_json::json!(["ActivityFeed.Read", "ActivityFeed.ReadDlp"])
    );
}

#[tokio::test]
async fn a_token_issued_before_consent_stays_without_roles() {
    let world = World::new(Config {
        consented: false,
        ..World::config()
    })
    .await;
    let refused = world.get("subscriptions/list").await;
    assert_eq!(refused.refusal(), (401, "AF10001".to_owned()));
    assert!(
        refused.json()["error"]["message"]
            .as_str()
            .expect("a text")
            .contains("permission set ()")
    );
    let granted = TenantState {
        consent: Some(Consent::Granted),
        ..TenantState::default()
    };
    world.microsoft.set_tenant(world.tenant, &granted);
    assert_eq!(world.get("subscriptions/list").await.status, 401);
    let fresh = world.fresh_token(world.tenant).await;
    let answer = world
        .send(
            world
                .client
                .get(world.feed("subscriptions/list"))
                .bearer_auth(fresh),
        )
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn credentials_that_are_wrong_expired_or_missing_are_refused() {
    let world = World::new(Config {
        expired_client_secrets: vec!["last year's".to_owned()],
        ..World::config()
    })
    .await;
    let tenant = world.tenant.to_string();
    check(
        &world
            .ask_token(&tenant, "v2.0/token", &[("client_secret", "x"), SCOPE])
            .await,
        401,
        "invalid_client",
        7_000_215,
    );
    check(
        &world
            .ask_token(
                &tenant,
                "v2.0/token",
                &[("client_secret", "last year's"), SCOPE],
            )
            .await,
        401,
        "invalid_client",
        7_000_222,
    );
    check(
        &world.ask_token(&tenant, "v2.0/token", &[SCOPE]).await,
        401,
        "invalid_client",
        7_000_218,
    );
    check(
        &world
            .ask_token(&tenant, "token", &[("client_assertion", "x"), RESOURCE])
            .await,
        401,
        "invalid_client",
        7_000_218,
    );
}

#[tokio::test]
async fn an_unknown_application_or_tenant_is_refused() {
    let world = World::new(World::config()).await;
    let tenant = world.tenant.to_string();
    let secret = ("client_secret", world.microsoft.client_secret());
    let other = "00000000-0000-4000-8000-000000000001";
    check(
        &world
            .ask_token(
                &tenant,
                "v2.0/token",
                &[("client_id", other), secret, SCOPE],
            )
            .await,
        400,
        "unauthorized_client",
        700_016,
    );
    check(
        &world.ask_token(other, "v2.0/token", &[secret, SCOPE]).await,
        400,
        "invalid_request",
        90_002,
    );
    check(
        &world
            .ask_token("contoso.com", "v2.0/token", &[secret, SCOPE])
            .await,
        400,
        "invalid_request",
        90_002,
    );
    check(
        &world
            .ask_token("common", "v2.0/token", &[secret, SCOPE])
            .await,
        400,
        "invalid_request",
        9_001_023,
    );
}

#[tokio::test]
async fn the_state_of_a_tenant_decides_the_error() {
    let world = World::new(World::config()).await;
    let tenant = world.tenant.to_string();
    let secret = ("client_secret", world.microsoft.client_secret());
    let off = TenantState {
        consent: Some(Consent::Granted),
        app_disabled: Some(false),
        resource_disabled: Some(false),
        other_cloud: Some(false),
        ..TenantState::default()
    };
    for (state, error, number) in [
        (
            TenantState {
                consent: Some(Consent::Missing),
                ..off.clone()
            },
            "unauthorized_client",
            700_016,
        ),
        (
            TenantState {
                app_disabled: Some(true),
                ..off.clone()
            },
            "unauthorized_client",
            7_000_112,
        ),
        (
            TenantState {
                resource_disabled: Some(true),
                ..off.clone()
            },
            "invalid_resource",
            500_014,
        ),
        (
            TenantState {
                other_cloud: Some(true),
                ..off.clone()
            },
            "invalid_request",
            900_382,
        ),
    ] {
        world.microsoft.set_tenant(world.tenant, &state);
        check(
            &world
                .ask_token(&tenant, "v2.0/token", &[secret, SCOPE])
                .await,
            400,
            error,
            number,
        );
    }
}

#[tokio::test]
async fn the_parameters_of_one_version_are_refused_by_the_other() {
    let world = World::new(World::config()).await;
    let tenant = world.tenant.to_string();
    let secret = ("client_secret", world.microsoft.client_secret());
    check(
        &world
            .ask_token(&tenant, "v2.0/token", &[secret, RESOURCE])
            .await,
        400,
        "invalid_request",
        901_002,
    );
    check(
        &world.ask_token(&tenant, "token", &[secret, SCOPE]).await,
        400,
        "invalid_request",
        900_144,
    );
    check(
        &world
            .ask_token(
                &tenant,
                "v2.0/token",
                &[
                    secret,
                    ("scope", "https://manage.office.com/ActivityFeed.Read"),
                ],
            )
            .await,
        400,
        "invalid_scope",
        1_002_012,
    );
    check(
        &world
            .ask_token(
                &tenant,
                "v2.0/token",
                &[secret, ("scope", "https://graph.microsoft.com/.default")],
            )
            .await,
        400,
        "invalid_resource",
        500_011,
    );
    check(
        &world
            .ask_token(
                &tenant,
                "v2.0/token",
                &[secret, SCOPE, ("grant_type", "password")],
            )
            .await,
        400,
        "unsupported_grant_type",
        70_003,
    );
}

/// Asks with `Authorization: Basic`, and what the form holds besides the scope.
async fn ask_basic(world: &World, id: &str, secret: &str, form: &[(&str, &str)]) -> Seen {
    let mut all = vec![("grant_type", "client_credentials"), SCOPE];
    all.extend_from_slice(form);
    let url = format!(
        "{}{}/oauth2/v2.0/token",
        world.microsoft.login_url(),
        world.tenant
    );
    let request = world.client.post(url).basic_auth(id, Some(secret));
    world.send(request.form(&all)).await
}

#[tokio::test]
async fn id_and_secret_can_come_in_the_header() {
    let world = World::new(Config {
        client_secret: Some("a b+c~%:&".to_owned()),
        ..World::config()
    })
    .await;
    let id = world.microsoft.client_id().to_string();
    for form in [&[][..], &[("client_id", id.as_str())][..]] {
        let answer = ask_basic(&world, &id, "a+b%2Bc~%25%3A%26", form).await;
        let token = &answer.json()["access_token"];
        assert_eq!(claims(token)["appidacr"], "1");
    }
}

#[tokio::test]
async fn a_wrong_secret_in_the_header_is_refused() {
    let world = World::new(World::config()).await;
    let id = world.microsoft.client_id().to_string();
    let wrong = ask_basic(&world, &id, "x", &[]).await;
    check(&wrong, 401, "invalid_client", 7_000_215);
    assert_eq!(wrong.headers["www-authenticate"], "Basic");
    let in_form = world
        .ask_token(
            &world.tenant.to_string(),
            "v2.0/token",
            &[("client_secret", "x"), SCOPE],
        )
        .await;
    assert!(!in_form.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn a_client_authenticates_in_one_way_only() {
    let world = World::new(World::config()).await;
    let id = world.microsoft.client_id().to_string();
    let secret = world.microsoft.client_secret();
    for form in [
        ("client_secret", secret),
        ("client_assertion", "x"),
        ("client_id", "00000000-0000-4000-8000-000000000001"),
    ] {
        let answer = ask_basic(&world, &id, secret, &[form]).await;
        check(&answer, 400, "invalid_request", 90_014);
    }
}
