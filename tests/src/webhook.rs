//! An operator's webhook for findings. It checks signatures by itself, from the text of Standard Webhooks.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::Outcome;

/// A call of the webhook.
#[derive(Clone, Debug)]
pub struct Call {
    headers: HeaderMap,
    body: String,
}

/// A webhook that keeps its calls. It stops when it is dropped.
#[derive(Debug)]
pub struct Webhook {
    address: SocketAddr,
    kept: Arc<Kept>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Kept {
    refusals: usize,
    calls: Mutex<Vec<Call>>,
}

impl Webhook {
    /// Listens on a free loopback port. It refuses its first calls, `refusals` of them.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(refusals: usize) -> Outcome<Self> {
        let kept = Arc::new(Kept {
            refusals,
            calls: Mutex::default(),
        });
        let router = Router::new().route("/findings", post(take));
        let router = router.with_state(Arc::clone(&kept));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // It ends with the test; a test that needs it sees that it is not called.
            axum::serve(listener, router).await.ok();
        });
        Ok(Self {
            address,
            kept,
            task,
        })
    }

    /// Its address.
    ///
    /// # Errors
    /// None that is known: an address and a path make a URL.
    pub fn url(&self) -> Outcome<Url> {
        Ok(format!("http://{}/findings", self.address).parse()?)
    }

    /// The calls so far, those that it refused included.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.kept.calls.lock();
        calls.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(kept): State<Arc<Kept>>, headers: HeaderMap, body: String) -> StatusCode {
    let mut calls = kept.calls.lock().unwrap_or_else(PoisonError::into_inner);
    calls.push(Call { headers, body });
    if calls.len() <= kept.refusals {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::NO_CONTENT
    }
}

impl Call {
    /// A header; empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// What was sent.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Whether one of its signatures is that of this secret, which is base64 with or without `whsec_` in front.
    ///
    /// # Errors
    /// The secret is no base64.
    pub fn is_signed_with(&self, secret: &str) -> Outcome<bool> {
        let key = STANDARD.decode(secret.trim_start_matches("whsec_"))?;
        let (id, at) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        mac.update(format!("{id}.{at}.{}", self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let mut signatures = self.header("webhook-signature").split(' ');
        Ok(signatures.any(|of| of == expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn call(body: &str) -> Call {
        let header = |name: &'static str, value: &'static str| {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        let headers = [
            header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            header("webhook-timestamp", "1614265330"),
            header(
                "webhook-signature",
                "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
        ];
        Call {
            headers: headers.into_iter().collect(),
            body: body.to_owned(),
        }
    }

    #[test]
    fn only_the_secrets_own_signature_is_taken() {
        let sent = r#"{"test": 2432232314}"#;
        assert!(call(sent).is_signed_with(SECRET).unwrap());
        assert!(!call("{}").is_signed_with(SECRET).unwrap());
        let another = SECRET.replace("MfKQ", "MfKR");
        assert!(!call(sent).is_signed_with(&another).unwrap());
    }
}
