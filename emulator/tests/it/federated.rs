//! Federated credentials: another identity provider's statement stands in for a secret.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use emulator::{Config, FederatedCredential};
use serde_json::{Value, json};

use crate::world::{Provider, World};

const ROLE: &str = "arn:aws:iam::123456789012:role/fetcher";

/// A provider with one key, and an application that trusts it.
async fn world() -> (World, Provider, EcdsaKeyPair) {
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new())
            .expect("a key");
    let key =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8.as_ref()).expect("a key");
    let (x, y) = key.public_key().as_ref()[1..].split_at(48);
    let [x, y] = [x, y].map(|part| URL_SAFE_NO_PAD.encode(part));
    let keys = json!({ "keys": [{ "kty": "EC", "crv": "P-384", "kid": "k1", "x": x, "y": y }] });
    let provider = Provider::new(keys).await;
    let credential = FederatedCredential {
        issuer: provider.issuer.clone(),
        subject: ROLE.to_owned(),
        audience: "api://AzureADTokenExchange".to_owned(),
    };
    let world = World::new(Config {
        federated_credentials: vec![credential],
        ..World::config()
    })
    .await;
    (world, provider, key)
}

fn claims(world: &World, provider: &Provider) -> Value {
    let now = world.microsoft.clock().now().as_second();
    json!({ "iss": provider.issuer, "sub": ROLE, "aud": "api://AzureADTokenExchange", "iat": now, "exp": now + 300 })
}

fn signed(key: &EcdsaKeyPair, claims: &Value) -> String {
    let header = json!({ "alg": "ES384", "typ": "JWT", "kid": "k1" });
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let signature = key
        .sign(&SystemRandom::new(), signed.as_bytes())
        .expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn check(world: &World, statement: &str, expect: Result<(), u64>) {
    let form = [
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", statement),
        ("scope", "https://manage.office.com/.default"),
    ];
    let answer = world
        .ask_token(&world.tenant.to_string(), "v2.0/token", &form)
        .await;
    let body = answer.json();
    let seen = if answer.status == 200 {
        Ok(())
    } else {
        Err(body["error_codes"][0].as_u64().expect("a number"))
    };
    assert_eq!(seen, expect, "{body}");
}

#[tokio::test]
async fn a_statement_of_a_registered_provider_gives_a_token() {
    let (world, provider, key) = world().await;
    let statement = signed(&key, &claims(&world, &provider));
    check(&world, &statement, Ok(())).await;
    check(&world, &statement, Ok(())).await;
}

#[tokio::test]
async fn a_statement_must_fit_the_registration_letter_by_letter() {
    let (world, provider, key) = world().await;
    for (field, value, number) in [
        ("iss", json!("http://127.0.0.1:1"), 700_211),
        (
            "sub",
            json!("arn:aws:iam::123456789012:role/Fetcher"),
            700_213,
        ),
        ("aud", json!("sts.amazonaws.com"), 700_212),
        ("exp", json!(1), 500_133),
    ] {
        let mut claims = claims(&world, &provider);
        claims[field] = value;
        check(&world, &signed(&key, &claims), Err(number)).await;
    }
}

#[tokio::test]
async fn a_statement_with_a_forged_signature_is_refused() {
    let (world, provider, _) = world().await;
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new())
            .expect("a key");
    let stranger =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8.as_ref()).expect("a key");
    check(
        &world,
        &signed(&stranger, &claims(&world, &provider)),
        Err(50_012),
    )
    .await;
}
