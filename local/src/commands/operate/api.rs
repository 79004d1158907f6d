//! What the commands that speak to the API share.

use http::Method;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::api_client::{CallError, call};
use crate::arguments::ApiArgs;
use crate::commands::CommandError;
use crate::installation::API_KEY;

/// The API of the installation that the arguments name.
pub(super) struct Api {
    base: Url,
    key: SecretString,
}

impl Api {
    pub(super) fn new(args: &ApiArgs) -> Result<Self, CommandError> {
        Ok(Self {
            base: args.base(),
            key: args.key(API_KEY)?,
        })
    }

    /// Reads what is at a path below `v1/tenants/`, or the list there, with a query.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Value, CallError> {
        let path = format!("v1/tenants/{path}");
        let mut path = path.trim_end_matches('/').to_owned();
        if !query.is_empty() {
            let mut encoded = Serializer::new(String::new());
            encoded.extend_pairs(query);
            path.push('?');
            path.push_str(&encoded.finish());
        }
        call(&self.base, &self.key, Method::GET, &path, None).await
    }

    /// Calls a path below `v1/`.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        call(&self.base, &self.key, method, &format!("v1/{path}"), body).await
    }

    /// Sends a body to a path below `v1/tenants/`.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        let path = format!("v1/tenants/{path}");
        call(&self.base, &self.key, Method::POST, &path, Some(body)).await
    }
}

/// An answer for scripts.
pub(super) fn json(answer: &Value) -> String {
    format!("{answer:#}\n")
}

/// A time of an answer for people: to the minute, in UTC.
pub(super) fn minute(at: &Value) -> String {
    let text = at.as_str().unwrap_or_default();
    text.get(..16).unwrap_or(text).replace('T', " ")
}

/// A number of an answer.
pub(super) fn number(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap_or(0)
}

/// A number for people, with a comma at each thousand.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with its noun, in the singular where there is one.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_for_people() {
        for (number, expect) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), expect);
        }
        assert_eq!(counted(1, "hour"), "1 hour");
        assert_eq!(counted(2_000, "hour"), "2,000 hours");
        assert_eq!(
            minute(&"2026-03-01T10:15:00.123Z".into()),
            "2026-03-01 10:15"
        );
        assert_eq!(minute(&Value::Null), "");
    }
}
