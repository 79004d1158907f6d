//! A Firehose stream in memory, below the AWS SDK: it answers `PutRecordBatch`, checks that callers keep to Firehose's
//! limits, and fails on demand.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The name of the stream.
pub const NAME: &str = "to-the-siem";

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// The stream has reached its limit before the first record.
    Throttled,
    /// Firehose has an internal error.
    Internal,
    /// The stream accepts all records except these, by their index in the call.
    Refuses(Vec<usize>),
    /// The stream accepts all records, but its answer is lost.
    AnswerLost,
    /// The stream does not exist.
    NoStream,
    /// The call is never answered.
    Hangs,
    /// The answer has results for fewer records than were sent.
    ShortAnswer,
}

/// A call that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The number of records in the call.
    pub records: usize,
    /// How many of them were accepted.
    pub taken: usize,
}

#[derive(Default)]
struct State {
    ahead: VecDeque<Mishap>,
    calls: Vec<Call>,
    taken: Vec<Vec<u8>>,
    broken: Vec<String>,
}

/// The stream.
#[derive(Clone, Default)]
pub struct Firehose(Arc<Mutex<State>>);

impl fmt::Debug for Firehose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Firehose").finish_non_exhaustive()
    }
}

impl Firehose {
    /// Makes the next `times` calls fail in this way, after those that were set to fail before.
    pub fn next(&self, mishap: Mishap, times: usize) {
        let mishaps = std::iter::repeat_n(mishap, times);
        self.state().ahead.extend(mishaps);
    }

    /// The number of failures that have not happened yet.
    #[must_use]
    pub fn ahead(&self) -> usize {
        self.state().ahead.len()
    }

    /// The calls received, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The records accepted, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<String> {
        let text = |of: &Vec<u8>| String::from_utf8_lossy(of).into_owned();
        self.state().taken.iter().map(text).collect()
    }

    /// Firehose's rules that callers have broken.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        self.state().broken.clone()
    }

    /// A configuration that sends the AWS SDK here.
    #[must_use]
    pub fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.clone())
            .build()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer; `None` when it is lost; an error when the call is never answered.
    fn answer(&self, request: &HttpRequest) -> Result<Option<(u16, Value)>, Hanging> {
        let mut state = self.state();
        let body = request.body().bytes().unwrap_or_default();
        let records = match records(request, body) {
            Ok(records) => records,
            Err(rule) => {
                let answer = failure("InvalidArgumentException", &rule);
                state.broken.push(rule);
                return Ok(Some((400, answer)));
            }
        };
        let mishap = state.ahead.pop_front();
        let count = records.len();
        let mut take = |refused: &[usize]| {
            let is_taken = |at: &usize| !refused.contains(at);
            let taken: Vec<_> = (0..count).filter(is_taken).collect();
            let taken = taken
                .iter()
                .filter_map(|at| records.get(*at).cloned())
                .collect::<Vec<_>>();
            state.calls.push(Call {
                records: count,
                taken: taken.len(),
            });
            state.taken.extend(taken);
        };
        let all: Vec<usize> = (0..count).collect();
        Ok(match mishap {
            None => {
                take(&[]);
                Some((200, answer(count, &[])))
            }
            Some(Mishap::Refuses(refused)) => {
                take(&refused);
                Some((200, answer(count, &refused)))
            }
            Some(Mishap::AnswerLost) => {
                take(&[]);
                None
            }
            Some(Mishap::ShortAnswer) => {
                take(&[]);
                Some((200, answer(count - 1, &[])))
            }
            Some(Mishap::Throttled) => {
                take(&all);
                let slow_down = failure("ServiceUnavailableException", "Slow down.");
                Some((503, slow_down))
            }
            Some(Mishap::Internal) => {
                take(&all);
                Some((500, failure("InternalFailure", "")))
            }
            Some(Mishap::NoStream) => {
                take(&all);
                let not_found = failure("ResourceNotFoundException", "Firehose not found.");
                Some((400, not_found))
            }
            Some(Mishap::Hangs) => {
                take(&all);
                return Err(Hanging);
            }
        })
    }
}

struct Hanging;

/// The records of a call, or the rule that the call breaks. Amazon documents these limits: 500 records and 4 MB per
/// call (checked here for the whole request, with base64) and 1,000 KiB per record before base64.
fn records(request: &HttpRequest, body: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    if target != "Firehose_20150804.PutRecordBatch" {
        return Err(format!("{target:?} is not implemented"));
    }
    if body.len() > 4_000_000 {
        return Err(format!("{} bytes in one call", body.len()));
    }
    let call: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if call["DeliveryStreamName"] != NAME {
        return Err(format!("stream {}", call["DeliveryStreamName"]));
    }
    let entries = call["Records"].as_array().ok_or("no records")?;
    if entries.is_empty() || entries.len() > 500 {
        return Err(format!("{} records in one call", entries.len()));
    }
    let record = |entry: &Value| {
        let data = entry["Data"].as_str().ok_or("a record without data")?;
        let data = STANDARD.decode(data).map_err(|error| error.to_string())?;
        if data.len() > 1_024_000 {
            return Err(format!("{} bytes in one record", data.len()));
        }
        Ok(data)
    };
    entries.iter().map(record).collect()
}

fn answer(count: usize, refused: &[usize]) -> Value {
    let entry = |at: usize| {
        if refused.contains(&at) {
            json!({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."})
        } else {
            json!({"RecordId": format!("record-{at}")})
        }
    };
    let entries: Vec<Value> = (0..count).map(entry).collect();
    json!({"FailedPutCount": refused.len(), "Encrypted": false, "RequestResponses": entries})
}

fn failure(code: &str, message: &str) -> Value {
    json!({"__type": code, "message": message})
}

impl HttpClient for Firehose {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        None
    }
}

impl HttpConnector for Firehose {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.answer(&request) {
            Ok(Some((status, body))) => HttpConnectorFuture::ready(response(status, &body)),
            Ok(None) => {
                let reset = ConnectorError::io("connection reset by a test".into());
                HttpConnectorFuture::ready(Err(reset))
            }
            Err(Hanging) => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

fn response(status: u16, body: &Value) -> Result<HttpResponse, ConnectorError> {
    let status = status
        .try_into()
        .map_err(|_| ConnectorError::other("no status".into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.1");
    Ok(response)
}
