//! An HTTP client for the AWS SDK that fails on demand: the only place between the pipeline and AWS where faults are
//! injected.

use std::fmt;
use std::sync::{Arc, Mutex};

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

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// DynamoDB throttles the call, which has no effect.
    Throttled,
    /// The call takes effect but its answer is lost, so the caller cannot know whether it arrived.
    AnswerLost,
    /// SQS accepts a batch except for its last entry.
    LastEntryRefused,
}

/// A call that is going to fail.
struct Ahead {
    operation: String,
    /// Only calls whose body contains this text; any call if empty.
    part: String,
    trouble: Trouble,
}

/// Makes the next calls fail whose `x-amz-target` ends in a given operation.
#[derive(Clone)]
pub struct Flaky {
    inner: SharedHttpClient,
    ahead: Arc<Mutex<Vec<Ahead>>>,
}

impl Default for Flaky {
    fn default() -> Self {
        Self {
            inner: SharedHttpClient::new(Builder::new().build_http()),
            ahead: Arc::default(),
        }
    }
}

impl fmt::Debug for Flaky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flaky").finish_non_exhaustive()
    }
}

impl Flaky {
    /// The same over another client.
    #[must_use]
    pub fn over(inner: SharedHttpClient) -> Self {
        Self {
            inner,
            ahead: Arc::default(),
        }
    }

    /// Makes the next `times` calls of `operation` fail.
    pub fn next(&self, operation: &str, trouble: Trouble, times: usize) {
        self.next_matching(operation, "", trouble, times);
    }

    /// Makes the next `times` calls of `operation` fail whose body contains `part`.
    pub fn next_matching(&self, operation: &str, part: &str, trouble: Trouble, times: usize) {
        if let Ok(mut ahead) = self.ahead.lock() {
            ahead.extend((0..times).map(|_| Ahead {
                operation: operation.to_owned(),
                part: part.to_owned(),
                trouble,
            }));
        }
    }

    /// Removes the failures that have not happened yet.
    pub fn clear(&self) {
        if let Ok(mut ahead) = self.ahead.lock() {
            ahead.clear();
        }
    }

    /// The number of failures that have not happened yet.
    #[must_use]
    pub fn ahead(&self) -> usize {
        self.ahead.lock().map(|ahead| ahead.len()).unwrap_or(0)
    }

    fn trouble_for(&self, request: &HttpRequest) -> Option<Trouble> {
        let target = request.headers().get("x-amz-target")?;
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default());
        let mut ahead = self.ahead.lock().ok()?;
        let position = ahead.iter().position(|one| {
            target.ends_with(&format!(".{}", one.operation)) && body.contains(&one.part)
        })?;
        Some(ahead.remove(position).trouble)
    }
}

impl HttpClient for Flaky {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            flaky: self.clone(),
            inner: self.inner.http_connector(settings, components),
        })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        None
    }
}

#[derive(Debug)]
struct Connector {
    flaky: Flaky,
    inner: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.flaky.trouble_for(&request) {
            None => self.inner.call(request),
            Some(Trouble::Throttled) => HttpConnectorFuture::ready(throttled()),
            Some(Trouble::AnswerLost) => {
                let answer = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    answer.await?;
                    Err(ConnectorError::io("connection reset by a test".into()))
                })
            }
            Some(Trouble::LastEntryRefused) => {
                let inner = self.inner.clone();
                HttpConnectorFuture::new(async move { refuse_last(&inner, request).await })
            }
        }
    }
}

fn throttled() -> Result<HttpResponse, ConnectorError> {
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#;
    response(400, body.to_owned())
}

fn response(status: u16, body: String) -> Result<HttpResponse, ConnectorError> {
    let status = status
        .try_into()
        .map_err(|_| ConnectorError::other("no status".into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// Forwards a `SendMessageBatch` without its last entry, and answers that SQS refused that entry.
async fn refuse_last(
    inner: &SharedHttpConnector,
    mut request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let unreadable = || ConnectorError::other("not a batch".into(), None);
    let mut batch: Value = serde_json::from_slice(request.body().bytes().ok_or_else(unreadable)?)
        .map_err(|_| unreadable())?;
    let entries = batch["Entries"].as_array_mut().ok_or_else(unreadable)?;
    let refused = entries.pop().ok_or_else(unreadable)?;
    let failed = json!({"Id": refused["Id"], "SenderFault": false, "Code": "InternalError", "Message": "not this one"});
    if entries.is_empty() {
        return response(
            200,
            json!({"Successful": [], "Failed": [failed]}).to_string(),
        );
    }
    let body = batch.to_string();
    request
        .headers_mut()
        .insert("content-length", body.len().to_string());
    *request.body_mut() = SdkBody::from(body);
    let answer = inner.call(request).await?;
    let status = answer.status().as_u16();
    let bytes = http_body_util::BodyExt::collect(answer.into_body())
        .await
        .map_err(ConnectorError::io)?
        .to_bytes();
    let mut answer: Value = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
    answer["Failed"] = json!([failed]);
    response(status, answer.to_string())
}
