//! The one HTTP client: no redirects, no proxy, no retries of its own, and a time limit on everything.

use std::time::Duration;

use http::HeaderValue;
use http::header::{ACCEPT, ACCEPT_ENCODING};
use reqwest::Request;
use tokio::time::{Instant, timeout};

use super::error::Failure;
use super::response::{Response, explain};
use super::timeouts::Timeouts;

/// Sockets kept open per host: more than one process has requests in flight.
const IDLE_CONNECTIONS_MAX: usize = 32;

/// Shorter than the idle limits of Microsoft's front ends, which close an older socket without saying so.
const IDLE_CONNECTION_TIME: Duration = Duration::from_secs(50);

/// Sends requests. A clone shares the connections.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    timeouts: Timeouts,
}

impl HttpClient {
    /// # Errors
    /// Says why TLS cannot be set up.
    pub(crate) fn new(https_only: bool, timeouts: Timeouts) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("ualstream/", env!("CARGO_PKG_VERSION")))
            // A token must not follow a redirect, nor pass a proxy that happens to stand in the environment.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            // Decoded here, see `response`.
            .no_gzip()
            // Retries are counted in one place, and reqwest is not it.
            .retry(reqwest::retry::never())
            .https_only(https_only)
            .connect_timeout(timeouts.connect)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .pool_idle_timeout(IDLE_CONNECTION_TIME)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| explain(&error))?;
        Ok(Self { client, timeouts })
    }

    /// A POST of form fields that asks for JSON; `None` when the URL or the form cannot be encoded.
    pub(crate) fn form_request(&self, url: &str, form: &[(&str, &str)]) -> Option<Request> {
        self.client
            .post(url)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .form(form)
            .build()
            .ok()
    }

    /// Sends a request and waits for the answer's headers.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response, Failure> {
        let gzip = HeaderValue::from_static("gzip");
        request.headers_mut().insert(ACCEPT_ENCODING, gzip);
        let deadline = Instant::now() + self.timeouts.total;
        let first_byte = self.timeouts.first_byte.min(self.timeouts.total);
        match timeout(first_byte, self.client.execute(request)).await {
            Err(_) => Err(Failure::TimedOut {
                phase: "the first byte",
                limit: first_byte,
            }),
            Ok(Err(error)) => Err(self.classify(&error)),
            Ok(Ok(response)) => Ok(Response::new(response, deadline, self.timeouts)),
        }
    }

    fn classify(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() && error.is_timeout() {
            return Failure::TimedOut {
                phase: "the connection",
                limit: self.timeouts.connect,
            };
        }
        if error.is_connect() {
            return Failure::Connect(explain(error));
        }
        Failure::Broken(explain(error))
    }
}
