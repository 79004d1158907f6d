//! Federated credentials: another identity provider's assertion stands in for a secret.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use emulator::{Config, FederatedCredential};
use serde_json::{Value, json};

use crate::world::{Provider, World};

const ROLE: &str = "arn:aws:iam::123456789012:role/fetcher";

/// A provider's private key.
enum Key {
    Rsa(RsaKeyPair),
    /// With the bytes of one coordinate.
    Ecdsa(EcdsaKeyPair, usize),
}

impl Key {
    fn new(algorithm: &str) -> Self {
        match algorithm {
            "RS256" => Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
            "ES256" => Self::ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, 32),
            _ => Self::ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, 48),
        }
    }

    fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm, bytes: usize) -> Self {
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())
            .and_then(|pkcs8| {
                EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref())
                    .map_err(|_| aws_lc_rs::error::Unspecified)
            })
            .expect("a key");
        Self::Ecdsa(key, bytes)
    }

    /// The public half as a JSON Web Key.
    fn public(&self) -> Value {
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        match self {
            Self::Rsa(key) => {
                // The DER of a key of 2048 bits has its modulus and exponent always in the same places.
                let der = key.public_key().as_ref();
                assert_eq!(der.len(), 270);
                json!({ "kty": "RSA", "kid": "k1", "alg": "RS256", "n": encode(&der[9..265]), "e": encode(&der[267..]) })
            }
            Self::Ecdsa(key, bytes) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(*bytes);
                json!({ "kty": "EC", "crv": format!("P-{}", bytes * 8), "kid": "k1", "x": encode(x), "y": encode(y) })
            }
        }
    }

    fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature)
                    .expect("a signature");
                signature
            }
            Self::Ecdsa(key, _) => {
                let signature = key.sign(&random, signed).expect("a signature");
                signature.as_ref().to_vec()
            }
        }
    }
}

/// A provider with one key, and an application that trusts it.
async fn world(algorithm: &str) -> (World, Provider, Key) {
    let key = Key::new(algorithm);
    let provider = Provider::new(json!({ "keys": [key.public()] })).await;
    let world = trusting(&provider.issuer).await;
    (world, provider, key)
}

async fn trusting(issuer: &str) -> World {
    let credential = FederatedCredential {
        issuer: issuer.to_owned(),
        subject: ROLE.to_owned(),
        audience: "api://AzureADTokenExchange".to_owned(),
    };
    World::new(Config {
        federated_credentials: vec![credential],
        ..World::config()
    })
    .await
}

fn claims(world: &World, issuer: &str) -> Value {
    let now = world.microsoft.clock().now().as_second();
    json!({ "iss": issuer, "sub": ROLE, "aud": "api://AzureADTokenExchange", "iat": now, "exp": now + 300 })
}

fn signed(algorithm: &str, key: &Key, claims: &Value) -> String {
    let header = json!({ "alg": algorithm, "typ": "JWT", "kid": "k1" });
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = key.signature(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn check(world: &World, assertion: &str, expect: Result<(), u64>) {
    let form = [
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
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
async fn an_assertion_of_a_registered_provider_can_be_used_twice() {
    for algorithm in ["RS256", "ES256", "ES384"] {
        let (world, provider, key) = world(algorithm).await;
        let assertion = signed(algorithm, &key, &claims(&world, &provider.issuer));
        check(&world, &assertion, Ok(())).await;
        check(&world, &assertion, Ok(())).await;
    }
}

#[tokio::test]
async fn an_assertion_must_match_the_registration_exactly() {
    let (world, provider, key) = world("RS256").await;
    let with_slash = format!("{}/", provider.issuer);
    for (field, value, number) in [
        ("iss", json!("http://127.0.0.1:1"), 700_211),
        ("iss", json!(with_slash), 700_211),
        (
            "sub",
            json!("arn:aws:iam::123456789012:role/other"),
            700_213,
        ),
        // Entra has a number of its own for a subject that differs in case alone.
        (
            "sub",
            json!("arn:aws:iam::123456789012:role/Fetcher"),
            7_002_138,
        ),
        ("aud", json!("sts.amazonaws.com"), 700_212),
        ("aud", json!("api://azureadtokenexchange"), 700_212),
        ("aud", json!([]), 700_212),
        ("exp", json!(1), 500_133),
        ("nbf", json!(i64::from(u32::MAX)), 500_133),
    ] {
        let mut claims = claims(&world, &provider.issuer);
        claims[field] = value;
        check(&world, &signed("RS256", &key, &claims), Err(number)).await;
    }
}

#[tokio::test]
async fn an_assertion_with_a_forged_signature_is_refused() {
    for algorithm in ["RS256", "ES256", "ES384"] {
        let (world, provider, key) = world(algorithm).await;
        let claims = claims(&world, &provider.issuer);
        let forged = signed(algorithm, &Key::new(algorithm), &claims);
        check(&world, &forged, Err(50_012)).await;
        // The right key, but the header names another algorithm, or none.
        for other in ["HS256", "none", "PS256"] {
            check(&world, &signed(other, &key, &claims), Err(50_012)).await;
        }
        let (unsigned, _) = forged.rsplit_once('.').expect("three parts");
        check(&world, &format!("{unsigned}."), Err(50_012)).await;
    }
}

#[tokio::test]
async fn a_provider_without_usable_documents_gives_no_token() {
    let key = Key::new("RS256");
    let provider = Provider::new(json!("no keys")).await;
    let world = trusting(&provider.issuer).await;
    let assertion = signed("RS256", &key, &claims(&world, &provider.issuer));
    check(&world, &assertion, Err(50_166)).await;
    // Its discovery document names it without the slash.
    let with_slash = format!("{}/", provider.issuer);
    let world = trusting(&with_slash).await;
    let assertion = signed("RS256", &key, &claims(&world, &with_slash));
    check(&world, &assertion, Err(50_166)).await;
}
