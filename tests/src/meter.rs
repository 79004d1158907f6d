//! Counts what the pipeline asks of DynamoDB and SQS, in an HTTP client under the AWS SDK, as AWS bills it.
//!
//! DynamoDB is asked for the capacity that each call consumed; the embedded one computes it by AWS's rules, the index included.
//! A conditional write that was refused consumes one unit, which AWS does not tell.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// Operations whose units are write units.
const WRITES: [&str; 5] = [
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "TransactWriteItems",
    "BatchWriteItem",
];

/// What calls of one kind used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// How many there were.
    pub calls: u64,
    /// DynamoDB's write units, of the table and of the index.
    pub write_units: f64,
    /// DynamoDB's read units.
    pub read_units: f64,
}

/// The calls since the last look: by operation, and by what it is about (the first part of the item's key).
#[derive(Clone, Debug, Default)]
pub struct Readings(BTreeMap<(String, String), Used>);

impl Readings {
    /// Each kind of call, in order: operation, subject, use.
    pub fn each(&self) -> impl Iterator<Item = (&str, &str, Used)> {
        self.0
            .iter()
            .map(|((operation, subject), used)| (operation.as_str(), subject.as_str(), *used))
    }

    /// The sum of those whose operation and subject fit.
    #[must_use]
    pub fn sum(&self, fits: impl Fn(&str, &str) -> bool) -> Used {
        let fitting = self.each().filter(|(of, about, _)| fits(of, about));
        fitting.fold(Used::default(), |sum, (_, _, used)| Used {
            calls: sum.calls + used.calls,
            write_units: sum.write_units + used.write_units,
            read_units: sum.read_units + used.read_units,
        })
    }
}

/// Counts the calls of every client that was made with it.
#[derive(Clone, Default)]
pub struct Meter {
    readings: Arc<Mutex<Readings>>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

impl Meter {
    /// An HTTP client whose calls are counted.
    #[must_use]
    pub fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(Metered {
            meter: self.clone(),
            inner: SharedHttpClient::new(Builder::new().build_http()),
        })
    }

    /// What was used since the last look.
    #[must_use]
    pub fn take(&self) -> Readings {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *readings)
    }

    fn count(&self, operation: &str, subject: &str, units: f64) {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (operation.to_owned(), subject.to_owned());
        let used = readings.0.entry(key).or_default();
        used.calls += 1;
        if WRITES.contains(&operation) {
            used.write_units += units;
        } else {
            used.read_units += units;
        }
    }
}

#[derive(Debug)]
struct Metered {
    meter: Meter,
    inner: SharedHttpClient,
}

impl HttpClient for Metered {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            meter: self.meter.clone(),
            inner: self.inner.http_connector(settings, components),
        })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        None
    }
}

#[derive(Debug)]
struct Connector {
    meter: Meter,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let (service, operation) = target.split_once('.').unwrap_or_default();
        let operation = operation.to_owned();
        if !service.starts_with("DynamoDB") {
            self.meter.count(&operation, "sqs", 0.0);
            return self.inner.call(request);
        }
        let (meter, inner) = (self.meter.clone(), self.inner.clone());
        HttpConnectorFuture::new(async move { dynamodb(&meter, &inner, request, &operation).await })
    }
}

/// Makes the call, asks for its capacity, and counts that.
async fn dynamodb(
    meter: &Meter,
    inner: &SharedHttpConnector,
    mut request: HttpRequest,
    operation: &str,
) -> Result<HttpResponse, ConnectorError> {
    let unreadable = || ConnectorError::other("not JSON".into(), None);
    let bytes = request.body().bytes().ok_or_else(unreadable)?;
    let mut body: Value = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
    let subject = subject(&body);
    body["ReturnConsumedCapacity"] = json!("INDEXES");
    let body = body.to_string();
    request
        .headers_mut()
        .insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
    let mut answer = inner.call(request).await?;
    let body = std::mem::replace(answer.body_mut(), SdkBody::empty());
    let bytes = http_body_util::BodyExt::collect(body)
        .await
        .map_err(ConnectorError::io)?
        .to_bytes();
    let told: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    meter.count(operation, &subject, units(&told["ConsumedCapacity"]));
    *answer.body_mut() = SdkBody::from(bytes.to_vec());
    Ok(answer)
}

/// What was consumed; one unit when the answer does not tell.
fn units(consumed: &Value) -> f64 {
    match consumed {
        Value::Array(tables) => tables.iter().map(units).sum(),
        Value::Object(table) => table["CapacityUnits"].as_f64().unwrap_or(1.0),
        _ => 1.0,
    }
}

/// What a call is about: the part of the partition key before the first `#`, or the index.
fn subject(body: &Value) -> String {
    if let Some(index) = body["IndexName"].as_str() {
        return index.to_owned();
    }
    let first = &body["TransactItems"][0];
    let of_transaction = ["Update", "Put", "ConditionCheck"].map(|kind| &first[kind]);
    let keys = std::iter::once(body).chain(of_transaction);
    let keys = keys.flat_map(|of| [&of["Key"]["pk"]["S"], &of["Item"]["pk"]["S"]]);
    let keys = keys.chain([&body["ExpressionAttributeValues"][":pk"]["S"]]);
    let mut texts = keys.filter_map(Value::as_str);
    let key = texts.next().unwrap_or("unknown");
    key.split('#').next().unwrap_or(key).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_by_what_they_are_about() {
        let of = |body: Value| subject(&body);
        assert_eq!(of(json!({"Key": {"pk": {"S": "blobs#a#b"}}})), "blobs");
        assert_eq!(
            of(json!({"ExpressionAttributeValues": {":pk": {"S": "sweeps#3"}}})),
            "sweeps"
        );
        assert_eq!(of(json!({"IndexName": "open-blobs"})), "open-blobs");
        let put = json!({"TransactItems": [{"Put": {"Item": {"pk": {"S": "losses#a"}}}}]});
        assert_eq!(of(put), "losses");
    }

    #[test]
    fn units_are_what_dynamodb_says() {
        let told = json!({"CapacityUnits": 3.0, "Table": {"CapacityUnits": 1.0}});
        assert_eq!(units(&told), 3.0);
        assert_eq!(units(&json!([told.clone(), told])), 6.0);
        assert_eq!(units(&Value::Null), 1.0);
    }
}
