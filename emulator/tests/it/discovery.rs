//! What clients ask before they log in.

use emulator::{Fault, FaultKind, Operation};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn the_openid_configuration_leads_to_a_token() {
    let world = World::new(World::config()).await;
    let base = world.microsoft.login_url();
    let (tenant, secret) = (world.tenant, world.microsoft.client_secret());
    let v2 = world
        .get_url(&format!(
            "{base}{tenant}/v2.0/.well-known/openid-configuration"
        ))
        .await
        .json();
    assert_eq!(v2["issuer"], format!("{base}{tenant}/v2.0"));
    assert_eq!(
        v2["authorization_endpoint"],
        format!("{base}{tenant}/oauth2/v2.0/authorize")
    );
    let v1 = world
        .get_url(&format!("{base}{tenant}/.well-known/openid-configuration"))
        .await
        .json();
    assert_eq!(v1["issuer"], format!("https://sts.windows.net/{tenant}/"));
    for (document, what) in [
        (&v2, ("scope", "https://manage.office.com/.default")),
        (&v1, ("resource", "https://manage.office.com")),
    ] {
        let client_id = world.microsoft.client_id().to_string();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &client_id),
            ("client_secret", secret),
            what,
        ];
        let endpoint = document["token_endpoint"].as_str().expect("a URL");
        let answer = world.send(world.client.post(endpoint).form(&form)).await;
        assert!(answer.json()["access_token"].is_string(), "{document}");
        let keys = world
            .get_url(document["jwks_uri"].as_str().expect("a URL"))
            .await;
        // The tokens are signed with a secret.
        assert_eq!(keys.json(), json!({ "keys": [] }));
    }
    assert_eq!(world.microsoft.request_count(Operation::Discovery), 4);
    assert_eq!(world.microsoft.violations(), []);
}

#[tokio::test]
async fn all_tenants_have_one_issuer_with_a_place_for_theirs() {
    let world = World::new(World::config()).await;
    let base = world.microsoft.login_url();
    let url = format!("{base}common/v2.0/.well-known/openid-configuration");
    let document = world.get_url(&url).await.json();
    assert_eq!(document["issuer"], format!("{base}{{tenantid}}/v2.0"));
}

#[tokio::test]
async fn an_unknown_tenant_has_no_configuration() {
    let world = World::new(World::config()).await;
    let base = world.microsoft.login_url();
    for path in [
        "nobody.example/v2.0/.well-known/openid-configuration",
        "00000000-0000-4000-8000-000000000001/.well-known/openid-configuration",
        "nobody.example/discovery/v2.0/keys",
    ] {
        let answer = world.get_url(&format!("{base}{path}")).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (400, &json!("invalid_tenant"))
        );
        assert_eq!(answer.json()["error_codes"], json!([90_002]), "{path}");
    }
}

#[tokio::test]
async fn instance_discovery_knows_this_host_and_microsofts() {
    let world = World::new(World::config()).await;
    let base = world.microsoft.login_url();
    let tenant = world.tenant;
    let ask = async |endpoint: &str| {
        let request = world
            .client
            .get(format!("{base}common/discovery/instance"))
            .query(&[("api-version", "1.1"), ("authorization_endpoint", endpoint)]);
        world.send(request).await
    };
    for (endpoint, leads_to) in [
        (
            format!("{base}{tenant}/oauth2/v2.0/authorize"),
            format!("{base}{tenant}/v2.0/.well-known/openid-configuration"),
        ),
        (
            format!("{base}{tenant}/oauth2/authorize"),
            format!("{base}{tenant}/.well-known/openid-configuration"),
        ),
        (
            format!("https://127.0.0.1/{tenant}/oauth2/v2.0/authorize"),
            format!("{base}{tenant}/v2.0/.well-known/openid-configuration"),
        ),
        (
            "https://login.microsoftonline.com/common/oauth2/v2.0/authorize".to_owned(),
            format!("{base}common/v2.0/.well-known/openid-configuration"),
        ),
    ] {
        let found = ask(&endpoint).await.json();
        assert_eq!(found["tenant_discovery_endpoint"], leads_to);
        assert_eq!(
            found["metadata"][0]["aliases"],
            json!([world.microsoft.address().to_string(), "127.0.0.1"])
        );
        assert_eq!(world.get_url(&leads_to).await.status, 200);
    }
    for endpoint in ["https://login.example/common/oauth2/authorize", "x"] {
        let refused = ask(endpoint).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["error"], "invalid_instance");
        assert_eq!(refused.json()["error_codes"], json!([50_049]));
    }
    assert_eq!(ask("").await.json()["error_codes"], json!([900_144]));
}

#[tokio::test]
async fn a_fault_strikes_discovery_only_by_name() {
    let world = World::new(World::config()).await;
    let url = format!(
        "{}{}/v2.0/.well-known/openid-configuration",
        world.microsoft.login_url(),
        world.tenant
    );
    let down = FaultKind::Empty { status: 503 };
    world.microsoft.fault(down.clone());
    assert_eq!(world.get_url(&url).await.status, 200);
    world.microsoft.fault(Fault {
        operation: Some(Operation::Discovery),
        ..down.into()
    });
    assert_eq!(world.get_url(&url).await.status, 503);
}
