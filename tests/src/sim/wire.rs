//! What the protocols of DynamoDB and SQS have in common: JSON in 1.0, the operation in a header.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The status of HTTP.
    pub(super) status: u16,
    /// JSON.
    pub(super) body: String,
}

impl Answer {
    /// As the SDK takes it.
    ///
    /// # Errors
    /// The status is none.
    pub(super) fn into_response(self) -> Result<HttpResponse, ConnectorError> {
        let status = self.status.try_into();
        let status = status.map_err(|_| ConnectorError::other("no status".into(), None))?;
        let mut response = HttpResponse::new(status, SdkBody::from(self.body));
        let headers = response.headers_mut();
        headers.insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    }
}

/// `PutItem`, `SendMessage` …; empty when the request names none.
#[must_use]
pub(super) fn operation(request: &HttpRequest) -> String {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let (_, operation) = target.split_once('.').unwrap_or_default();
    operation.to_owned()
}

/// What a call is about: its operation with the key of its item, or the queue. Without times and names that chance has given, so that
/// the same call has the same name in each run of a seed.
#[must_use]
pub(super) fn call(request: &HttpRequest) -> String {
    let operation = operation(request);
    let body = request.body().bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let first = &body["TransactItems"][0];
    let of_transaction = ["Update", "Put", "ConditionCheck"].map(|kind| &first[kind]);
    let items = std::iter::once(&body).chain(of_transaction);
    let keys = items.flat_map(|of| [&of["Key"], &of["Item"]]);
    let keys = keys.flat_map(|key| [&key["pk"]["S"], &key["sk"]["S"]]);
    let keys = keys.chain([
        &body["ExpressionAttributeValues"][":pk"]["S"],
        &body["QueueUrl"],
    ]);
    let keys: Vec<&str> = keys.filter_map(Value::as_str).collect();
    format!("{operation} {}", keys.join(" "))
}
