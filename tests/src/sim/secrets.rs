//! Secrets that nobody may see: what the product sends to AWS, answers to an operator, keeps in the lake and writes into its log is
//! searched for them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fmt, io};

use serde_json::Value;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, registry};

/// What is logged in a run, besides warnings of the libraries: more than a deployed function does, as an operator may ask for it.
const LOGGED: [(&str, Level); 2] = [("pipeline", Level::DEBUG), ("office365", Level::DEBUG)];

/// How each of Microsoft's access tokens begins: `{"typ":"JWT"` in base64.
const TOKEN: &str = "eyJ0eXAiOiJKV1Qi";

/// The secrets of a run, and where one was seen. Clones share them.
#[derive(Clone)]
pub struct Secrets(Arc<Mutex<State>>);

struct State {
    secrets: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Default for Secrets {
    /// Access tokens alone.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            secrets: BTreeSet::from([TOKEN.to_owned()]),
            seen: BTreeSet::new(),
        })))
    }
}

impl Secrets {
    /// Nobody may see these either, from now on.
    pub fn add(&self, secrets: impl IntoIterator<Item = String>) {
        self.lock().secrets.extend(secrets);
    }

    /// Looks whether a secret is in what is at this place.
    pub fn look(&self, place: &str, content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        let mut state = self.lock();
        if state.secrets.iter().any(|secret| text.contains(&**secret)) {
            state.seen.insert(place.to_owned());
        }
    }

    /// The places where one was seen.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.lock().seen.iter().cloned().collect()
    }

    /// Takes the log of the product, line by line as Lambda has it, and looks into it.
    pub fn log(&self) -> impl Subscriber + Send + Sync + use<> {
        let secrets = self.clone();
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(move || Lines(secrets.clone()))
            .with_filter(
                Targets::new()
                    .with_default(Level::WARN)
                    .with_targets(LOGGED),
            );
        registry().with(lines)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the log goes. Each write is a line.
struct Lines(Secrets);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let told: Value = serde_json::from_slice(line).unwrap_or_default();
        let message = told["message"].as_str().unwrap_or_default();
        self.0.look(&format!("the log: {message}"), line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_the_log_is_seen() {
        let secrets = Secrets::default();
        secrets.add(["opensesame".to_owned()]);
        tracing::subscriber::with_default(secrets.log(), || {
            tracing::debug!(target: "pipeline::verbs", key = "opensesame", "first");
            tracing::debug!(target: "pipeline::verbs", key = "closed", "second");
            tracing::warn!(target: "office365", "third with {TOKEN}");
            tracing::info!(target: "elsewhere", "fourth with {TOKEN}");
        });
        assert_eq!(
            secrets.seen(),
            ["the log: first", &format!("the log: third with {TOKEN}")]
        );
    }
}
