//! Certificate assertions: both forms are verified for real.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use emulator::Config;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};

use crate::world::{Seen, World};

const CERTIFICATE: &str = include_str!("certificate.pem");
const KEY: &str = include_str!("certificate.key");

async fn world() -> World {
    World::new(Config {
        client_certificates: vec![CERTIFICATE.to_owned()],
        ..World::config()
    })
    .await
}

fn signed(header: &Value, claims: &Value) -> String {
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let der = PrivatePkcs8KeyDer::from_pem_slice(KEY.as_bytes()).expect("a key");
    let key = KeyPair::from_pkcs8(der.secret_pkcs8_der()).expect("an RSA key");
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    match header["alg"].as_str() {
        Some("PS256") => key.sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature),
        _ => key.sign(
            &RSA_PKCS1_SHA256,
            &random,
            signed.as_bytes(),
            &mut signature,
        ),
    }
    .expect("a signature");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn thumbprints() -> (String, String) {
    let der = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("a certificate");
    let sha256 = URL_SAFE_NO_PAD.encode(digest(&SHA256, &der));
    (
        sha256,
        URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &der)),
    )
}

fn modern_header() -> Value {
    json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprints().0 })
}

/// Right claims for the second version's endpoint.
fn claims(world: &World) -> Value {
    let now = world.microsoft.clock().now().as_second();
    let client_id = world.microsoft.client_id();
    let audience = format!(
        "{}{}/oauth2/v2.0/token",
        world.microsoft.login_url(),
        world.tenant
    );
    json!({ "aud": audience, "iss": client_id, "sub": client_id, "jti": uuid::Uuid::new_v4(), "nbf": now, "iat": now, "exp": now + 600 })
}

async fn ask(world: &World, assertion: &str) -> Seen {
    let form = [
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
        ("scope", "https://manage.office.com/.default"),
        ("resource", "https://manage.office.com"),
    ];
    world
        .ask_token(&world.tenant.to_string(), "v2.0/token", &form[..3])
        .await
}

async fn check(world: &World, header: &Value, claims: &Value, number: u64) {
    let answer = ask(world, &signed(header, claims)).await.json();
    assert_eq!(answer["error_codes"][0], number, "{answer}");
}

#[tokio::test]
async fn an_assertion_signed_with_ps256_gives_a_token() {
    let world = world().await;
    let answer = ask(&world, &signed(&modern_header(), &claims(&world))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_thumbprint_may_be_padded() {
    let world = world().await;
    let (sha256, sha1) = thumbprints();
    for header in [
        json!({ "alg": "PS256", "x5t#S256": format!("{sha256}=") }),
        json!({ "alg": "RS256", "x5t": format!("{sha1}=") }),
    ] {
        let answer = ask(&world, &signed(&header, &claims(&world))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

#[tokio::test]
async fn the_times_of_an_assertion_may_have_fractions() {
    let world = world().await;
    let mut claims = claims(&world);
    for name in ["nbf", "iat", "exp"] {
        claims[name] = json!(claims[name].as_f64().expect("a number") + 0.25);
    }
    let answer = ask(&world, &signed(&modern_header(), &claims)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn an_assertion_in_the_older_form_gives_a_token() {
    let world = world().await;
    let header = json!({ "alg": "RS256", "typ": "JWT", "x5t": thumbprints().1 });
    assert_eq!(
        ask(&world, &signed(&header, &claims(&world))).await.status,
        200
    );
}

#[tokio::test]
async fn an_assertion_is_accepted_once() {
    let world = world().await;
    let assertion = signed(&modern_header(), &claims(&world));
    assert_eq!(ask(&world, &assertion).await.status, 200);
    assert_eq!(
        ask(&world, &assertion).await.json()["error_codes"][0],
        50_013
    );
}

#[tokio::test]
async fn an_assertion_with_wrong_claims_is_refused() {
    let world = world().await;
    let right = claims(&world);
    let with = |field: &str, value: Value| {
        let mut claims = right.clone();
        claims[field] = value;
        claims
    };
    let now = world.microsoft.clock().now().as_second();
    let header = modern_header();
    check(
        &world,
        &header,
        &with("aud", json!("https://login.example/token")),
        50_012,
    )
    .await;
    check(&world, &header, &with("iss", json!("someone")), 700_021).await;
    check(
        &world,
        &header,
        &with("sub", json!(uuid::Uuid::nil())),
        700_021,
    )
    .await;
    check(&world, &header, &with("exp", json!(now - 3_600)), 500_133).await;
    check(&world, &header, &with("nbf", json!(now + 3_600)), 500_133).await;
}

#[tokio::test]
async fn an_assertion_with_an_unknown_key_is_refused() {
    let world = world().await;
    let claims = claims(&world);
    check(
        &world,
        &json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": "AAAA" }),
        &claims,
        50_012,
    )
    .await;
    check(
        &world,
        &json!({ "alg": "PS256", "typ": "JWT" }),
        &claims,
        50_012,
    )
    .await;
    check(
        &world,
        &json!({ "alg": "none", "typ": "JWT", "x5t#S256": thumbprints().0 }),
        &claims,
        50_012,
    )
    .await;
    let right = signed(&modern_header(), &claims);
    let (signed, _) = right.rsplit_once('.').expect("three parts");
    let forged = format!("{signed}.{}", URL_SAFE_NO_PAD.encode([7; 256]));
    assert_eq!(ask(&world, &forged).await.json()["error_codes"][0], 50_012);
}
