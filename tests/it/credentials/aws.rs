//! The AWS side: Secrets Manager, and STS with its identity provider, over real HTTP on a port of its own.
//!
//! No emulator of AWS signs web identity tokens with published keys, so this one does, as AWS documents it: RS256, an
//! issuer with a discovery document, the caller's role as subject.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use emulator::Clock;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use tests::Outcome;
use tokio::net::TcpListener;

/// The role that AWS states as the caller's.
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/ualstream-fetcher";

/// How STS answers the next calls.
#[derive(Clone)]
pub(crate) enum Sts {
    /// States the true claims.
    States,
    /// States the true claims, with these in place of some.
    StatesInstead(Value),
    /// Signs with a key that the provider does not publish.
    Forges,
    /// Refuses with this error code.
    Refuses(&'static str),
}

/// The servers. They run until the test's runtime ends.
#[derive(Clone)]
pub(crate) struct Aws {
    /// The identity provider's address (`iss`), without a trailing slash.
    pub(crate) issuer: String,
    shared: Arc<Shared>,
}

struct Shared {
    issuer: String,
    clock: Clock,
    key: KeyPair,
    stranger: KeyPair,
    state: Mutex<State>,
}

struct State {
    secret: String,
    sts: Sts,
    /// The form fields of each call to STS.
    sts_calls: Vec<Map<String, Value>>,
    secret_reads: usize,
}

impl Aws {
    /// Starts the servers. The time of the statements comes from `clock`.
    pub(crate) async fn start(clock: &Clock) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            issuer: issuer.clone(),
            clock: clock.clone(),
            key: KeyPair::generate(KeySize::Rsa2048)?,
            stranger: KeyPair::generate(KeySize::Rsa2048)?,
            state: Mutex::new(State {
                secret: String::new(),
                sts: Sts::States,
                sts_calls: Vec::new(),
                secret_reads: 0,
            }),
        });
        tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { issuer, shared })
    }

    /// A configuration that sends the AWS SDK here.
    pub(crate) fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("caller", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(&self.issuer)
            .build()
    }

    /// Stores the text of the secret.
    pub(crate) fn store(&self, secret: &str) {
        self.shared.state.lock().unwrap().secret = secret.to_owned();
    }

    /// Sets how STS answers from now on.
    pub(crate) fn set_sts(&self, sts: Sts) {
        self.shared.state.lock().unwrap().sts = sts;
    }

    /// The calls to STS, as form fields.
    pub(crate) fn sts_calls(&self) -> Vec<Map<String, Value>> {
        self.shared.state.lock().unwrap().sts_calls.clone()
    }

    /// How often the secret was read.
    pub(crate) fn secret_reads(&self) -> usize {
        self.shared.state.lock().unwrap().secret_reads
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&shared)));
            // The test does not care whether the client closes the connection early.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let authorization = header(&request, "authorization");
    let target = header(&request, "x-amz-target");
    let body = request.into_body().collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let (status, text) = match path.as_str() {
        "/.well-known/openid-configuration" => {
            let jwks_uri = format!("{}/keys", shared.issuer);
            let about = json!({"issuer": shared.issuer, "jwks_uri": jwks_uri});
            (200, about.to_string())
        }
        "/keys" => (200, key_set(&shared.key).to_string()),
        _ if !authorization.starts_with("AWS4-HMAC-SHA256 Credential=caller/") => {
            (403, "not signed".to_owned())
        }
        _ if target == "secretsmanager.GetSecretValue" => shared.secret(&body),
        _ => shared.sts(&body),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status.try_into().unwrap();
    Ok(response)
}

fn header(request: &Request<Incoming>, name: &str) -> String {
    let value = request.headers().get(name);
    let text = value.and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}

impl Shared {
    fn secret(&self, body: &[u8]) -> (u16, String) {
        let asked: Value = serde_json::from_slice(body).unwrap();
        if asked["VersionStage"] == "AWSPREVIOUS" {
            let error =
                json!({"__type": "ResourceNotFoundException", "Message": "no such version"});
            return (400, error.to_string());
        }
        let mut state = self.state.lock().unwrap();
        state.secret_reads += 1;
        let secret = json!({"ARN": asked["SecretId"], "Name": "app", "SecretString": state.secret});
        (200, secret.to_string())
    }

    fn sts(&self, body: &[u8]) -> (u16, String) {
        let form: Map<String, Value> = url::form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect();
        let audience = form.get("Audience.member.1").cloned().unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        state.sts_calls.push(form);
        let now = self.clock.now().as_second();
        let mut claims = json!({
            "iss": self.issuer,
            "sub": ROLE,
            "aud": audience,
            "iat": now,
            "exp": now + 300,
            "https://sts.amazonaws.com/": {"aws_account": "123456789012"},
        });
        let mut key = &self.key;
        match &state.sts {
            Sts::States => {}
            Sts::StatesInstead(others) => {
                for (name, value) in others.as_object().unwrap() {
                    claims[name] = value.clone();
                }
            }
            Sts::Forges => key = &self.stranger,
            Sts::Refuses(code) => {
                let error = format!(
                    "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
                );
                return (403, error);
            }
        }
        let token = signed(key, &claims);
        let answer = format!(
            "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><WebIdentityToken>{token}</WebIdentityToken>\
             <Expiration>2030-01-01T00:00:00Z</Expiration></GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
        );
        (200, answer)
    }
}

fn signed(key: &KeyPair, claims: &Value) -> String {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "k1"});
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// The public key as a JSON Web Key. In the DER of a 2048-bit key, the modulus is always at 9 and the exponent at 267.
fn key_set(key: &KeyPair) -> Value {
    let der = key.public_key().as_ref();
    assert_eq!(der.len(), 270, "an RSA public key of 2048 bits");
    let [n, e] = [&der[9..265], &der[267..]].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part));
    json!({"keys": [{"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": n, "e": e}]})
}
