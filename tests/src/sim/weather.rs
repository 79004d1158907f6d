//! What goes wrong between the product and AWS: chosen by dice, counted by name, and over when the storm is.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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

use super::crash::Crash;
use super::dice::Dice;
use super::secrets::Secrets;
use super::wire::{self, Answer};

/// What can happen to a call of AWS. The names are those of docs/DELIVERY.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AwsFault {
    /// Refused for its rate; nothing is done.
    Throttled,
    /// The service fails; nothing is done.
    ServerError,
    /// The connection breaks before the call; nothing is done.
    ResetBefore,
    /// The call is done, and its answer is lost.
    AnswerLost,
    /// The call is done, and half of its answer comes.
    AnswerCut,
    /// The call is done, and the service says that it failed.
    DoneWithError,
    /// A transaction meets another one.
    TransactionConflict,
    /// A part of a batch is done.
    PartialBatch,
    /// The call takes its time: others go first.
    Slow,
}

impl AwsFault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Throttled,
        Self::ServerError,
        Self::ResetBefore,
        Self::AnswerLost,
        Self::AnswerCut,
        Self::DoneWithError,
        Self::TransactionConflict,
        Self::PartialBatch,
        Self::Slow,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::ServerError => "server error",
            Self::ResetBefore => "reset before",
            Self::AnswerLost => "answer lost",
            Self::AnswerCut => "answer cut",
            Self::DoneWithError => "done with an error",
            Self::TransactionConflict => "transaction conflict",
            Self::PartialBatch => "partial batch",
            Self::Slow => "slow",
        }
    }
}

/// Turns that a slow call leaves to others, at most.
const TURNS_MAX: usize = 12;

/// The weather of a run.
#[derive(Clone)]
pub struct Weather(Arc<State>);

struct State {
    seed: u64,
    /// How often each call was made: what strikes one does not depend on what others do meanwhile.
    calls: Mutex<BTreeMap<String, u64>>,
    stormy: AtomicBool,
    /// How likely each fault is, at each call that it can strike.
    likely: Vec<(AwsFault, f64)>,
    /// Services that do not answer at all.
    down: Mutex<Vec<&'static str>>,
    dealt: Mutex<BTreeMap<String, u64>>,
    secrets: Secrets,
}

impl fmt::Debug for Weather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weather").finish_non_exhaustive()
    }
}

impl Weather {
    /// A storm with these faults. Each call is searched for these secrets.
    #[must_use]
    pub fn new(seed: u64, likely: Vec<(AwsFault, f64)>, secrets: Secrets) -> Self {
        Self(Arc::new(State {
            seed,
            calls: Mutex::default(),
            stormy: AtomicBool::new(true),
            likely,
            down: Mutex::default(),
            dealt: Mutex::default(),
            secrets,
        }))
    }

    /// Ends all faults.
    pub fn calm(&self) {
        self.0.stormy.store(false, Ordering::Relaxed);
        self.set_down(Vec::new());
    }

    /// The services that do not answer from now on: `dynamodb`, `sqs`, `s3`.
    pub fn set_down(&self, services: Vec<&'static str>) {
        *self.0.down.lock().unwrap_or_else(PoisonError::into_inner) = services;
    }

    /// Whether a service does not answer.
    #[must_use]
    pub fn is_down(&self, service: &str) -> bool {
        let down = self.0.down.lock().unwrap_or_else(PoisonError::into_inner);
        down.contains(&service)
    }

    /// What no call may have in it.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// How often each fault was dealt, by name.
    #[must_use]
    pub fn dealt(&self) -> BTreeMap<String, u64> {
        let dealt = self.0.dealt.lock().unwrap_or_else(PoisonError::into_inner);
        dealt.clone()
    }

    /// Counts a fault.
    pub fn deal(&self, name: impl Into<String>) {
        let mut dealt = self.0.dealt.lock().unwrap_or_else(PoisonError::into_inner);
        *dealt.entry(name.into()).or_default() += 1;
    }

    /// Throws the dice of a call: those of its name and of how often it was made.
    pub(super) fn dice(&self, call: &str) -> Dice {
        let mut calls = self.0.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let times = calls.entry(call.to_owned()).or_default();
        *times += 1;
        Dice::of(self.0.seed, &format!("{call} {times}"))
    }

    /// The fault that strikes a call which these can strike.
    pub(super) fn strikes(&self, dice: &Dice, can: impl Fn(AwsFault) -> bool) -> Option<AwsFault> {
        if !self.0.stormy.load(Ordering::Relaxed) {
            return None;
        }
        let mut likely = self.0.likely.iter();
        let struck = likely.find(|(fault, chance)| can(*fault) && dice.chance(*chance));
        struck.map(|(fault, _)| *fault)
    }

    /// Leaves some turns to others.
    pub(super) async fn dawdle(&self, dice: &Dice) {
        for _ in 0..dice.below(TURNS_MAX) {
            tokio::task::yield_now().await;
        }
    }

    /// An HTTP client of a process for one service, through this weather.
    #[must_use]
    pub fn client(
        &self,
        service: &'static str,
        inner: impl HttpConnector + 'static,
        crash: Crash,
    ) -> SharedHttpClient {
        SharedHttpClient::new(Client(SharedHttpConnector::new(Stormy {
            weather: self.clone(),
            service,
            inner: SharedHttpConnector::new(inner),
            crash,
        })))
    }
}

#[derive(Clone, Debug)]
struct Client(SharedHttpConnector);

impl HttpClient for Client {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.clone()
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        None
    }
}

#[derive(Clone, Debug)]
struct Stormy {
    weather: Weather,
    service: &'static str,
    inner: SharedHttpConnector,
    crash: Crash,
}

impl HttpConnector for Stormy {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.run(request).await })
    }
}

impl Stormy {
    async fn run(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let operation = wire::operation(&request);
        let call = wire::call(&request);
        let place = format!("a call of {}: {operation}", self.service);
        let body = request.body().bytes().unwrap_or_default();
        self.weather.secrets().look(&place, body);
        self.crash.before(&call).await;
        if self.weather.is_down(self.service) {
            self.weather.deal(format!("{} is down", self.service));
            return reset();
        }
        let dice = self.weather.dice(&call);
        let struck = self.weather.strikes(&dice, |fault| can(fault, &operation));
        if let Some(fault) = struck {
            self.weather
                .deal(format!("{}: {}", self.service, fault.name()));
        }
        let answer = match struck {
            Some(AwsFault::Throttled) => throttled().into_response(),
            Some(AwsFault::ServerError) => failed().into_response(),
            Some(AwsFault::ResetBefore) => reset(),
            Some(AwsFault::TransactionConflict) => conflict(&request).into_response(),
            Some(AwsFault::Slow) => {
                self.weather.dawdle(&dice).await;
                self.inner.call(request).await
            }
            Some(AwsFault::PartialBatch) => self.partly(request, &operation).await,
            Some(AwsFault::AnswerLost) => {
                self.inner.call(request).await?;
                reset()
            }
            Some(AwsFault::AnswerCut) => {
                let answer = self.inner.call(request).await?;
                let (status, body) = (answer.status().as_u16(), text(answer).await?);
                let half = body.chars().take(body.chars().count() / 2).collect();
                Answer { status, body: half }.into_response()
            }
            Some(AwsFault::DoneWithError) => {
                self.inner.call(request).await?;
                failed().into_response()
            }
            None => self.inner.call(request).await,
        };
        self.crash.after(&call).await;
        answer
    }

    /// Does a batch without its last entry, and says so.
    async fn partly(
        &self,
        mut request: HttpRequest,
        operation: &str,
    ) -> Result<HttpResponse, ConnectorError> {
        let unreadable = || ConnectorError::other("not a batch".into(), None);
        let bytes = request.body().bytes().ok_or_else(unreadable)?;
        let mut body: Value = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
        let entries = body["Entries"].as_array_mut();
        let Some(refused) = entries.filter(|of| of.len() > 1).and_then(Vec::pop) else {
            return self.inner.call(request).await;
        };
        *request.body_mut() = SdkBody::from(body.to_string());
        let answer = self.inner.call(request).await?;
        let status = answer.status().as_u16();
        let mut told: Value =
            serde_json::from_str(&text(answer).await?).map_err(|_| unreadable())?;
        told["Failed"] = json!([{
            "Id": refused["Id"], "SenderFault": false, "Code": "InternalError", "Message": operation,
        }]);
        let body = told.to_string();
        Answer { status, body }.into_response()
    }
}

/// Whether the fault can strike a call of this operation.
fn can(fault: AwsFault, operation: &str) -> bool {
    match fault {
        AwsFault::TransactionConflict => operation == "TransactWriteItems",
        AwsFault::PartialBatch => operation == "SendMessageBatch",
        _ => true,
    }
}

async fn text(answer: HttpResponse) -> Result<String, ConnectorError> {
    let body = http_body_util::BodyExt::collect(answer.into_body()).await;
    let bytes = body.map_err(ConnectorError::io)?.to_bytes();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn reset() -> Result<HttpResponse, ConnectorError> {
    Err(ConnectorError::io(
        "connection reset by the simulation".into(),
    ))
}

fn throttled() -> Answer {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "message": "slow down",
    });
    Answer {
        status: 400,
        body: body.to_string(),
    }
}

fn failed() -> Answer {
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError", "message": "try again",
    });
    Answer {
        status: 500,
        body: body.to_string(),
    }
}

/// Every part of the transaction is told, as DynamoDB does it.
fn conflict(request: &HttpRequest) -> Answer {
    let body = request.body().bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let items = body["TransactItems"].as_array().map_or(1, Vec::len);
    let mut reasons = vec![json!({"Code": "None"}); items];
    reasons[0] =
        json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"});
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": reasons,
    });
    Answer {
        status: 400,
        body: body.to_string(),
    }
}
