//! Incoming HTTP calls: Microsoft's and the operator's.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use office365::{ContentType, TenantId};
use pipeline::clock::Clock;
use pipeline::subscription::webhook::{NOTIFICATIONS_PATH, auth_id};
use pipeline::{api, receive};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{API_KEY, WEBHOOK_KEY, World};
use crate::Outcome;

impl World {
    /// Calls the operator's API with its key. Returns the status and the JSON body (null if it is empty).
    pub async fn operate(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.operate_raw(method, path, Some(API_KEY), body).await
    }

    /// Calls the operator's API as anyone could.
    pub async fn operate_raw(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: String,
    ) -> (StatusCode, Value) {
        let response = self.ask(method, path, key, &[], body).await;
        let json = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
        (response.status(), json)
    }

    /// The same with further headers, and the whole answer.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        headers: &[(&str, &str)],
        body: String,
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::from(body)).unwrap_or_default();
        let origin = api::Origin {
            source: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            claims: None,
        };
        api::handle(&self.api, request, &origin, Clock::starting_at(self.now())).await
    }

    /// Calls the API as API Gateway does for somebody whose token its authorizer has checked.
    pub async fn ask_signed_on(
        &self,
        method: Method,
        path: &str,
        claims: &[(&str, &str)],
        body: Value,
    ) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path);
        let body = Bytes::from(body.to_string());
        let claims = claims
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let origin = api::Origin {
            source: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            claims: Some(claims.collect()),
        };
        let request = request.body(body).unwrap_or_default();
        let answer = api::handle(&self.api, request, &origin, Clock::starting_at(self.now())).await;
        let json = serde_json::from_slice(answer.body()).unwrap_or(Value::Null);
        (answer.status(), json)
    }

    /// Asks the API for a page, as a browser does that has no key.
    pub async fn browse(&self, method: Method, path: &str) -> Response<Bytes> {
        self.ask(method, path, None, &[], String::new()).await
    }

    /// Registers the first tenant for these content types.
    ///
    /// # Errors
    /// The API refuses.
    pub async fn register(&self, types: &[ContentType]) -> Outcome<Value> {
        let types: Vec<&str> = types.iter().map(|of| of.as_str()).collect();
        let body = json!({"tenant_id": self.tenant(), "name": "Contoso", "content_types": types});
        let (status, answer) = self.operate(Method::POST, "/v1/tenants", body).await;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(format!("{status}: {answer}").into())
        }
    }

    /// The first tenant's subscription to `content_type`, as the API shows it.
    pub async fn subscription(&self, content_type: ContentType) -> Value {
        let path = format!("/v1/tenants/{}", self.tenant());
        let (_, answer) = self.operate(Method::GET, &path, Value::Null).await;
        let all = answer["subscriptions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.into_iter()
            .find(|one| one["content_type"] == content_type.as_str())
            .unwrap_or(Value::Null)
    }

    /// The correct `Webhook-AuthID` for a tenant's subscription.
    #[must_use]
    pub fn auth_id(&self, tenant: Uuid, content_type: ContentType) -> String {
        let key: SecretString = WEBHOOK_KEY.into();
        let id = tenant.to_string().parse::<TenantId>();
        id.map(|tenant| {
            auth_id(&key, tenant, content_type)
                .expose_secret()
                .to_owned()
        })
        .unwrap_or_default()
    }

    /// Posts to the first tenant's webhook for `content_type`, as Microsoft would.
    pub async fn notify(
        &self,
        content_type: ContentType,
        auth: &str,
        body: impl Into<Bytes>,
    ) -> StatusCode {
        let path = format!("{NOTIFICATIONS_PATH}/{}/{content_type}", self.tenant());
        self.post(&path, Some(auth), body).await
    }

    /// Posts anything to any path of the receiver.
    pub async fn post(&self, path: &str, auth: Option<&str>, body: impl Into<Bytes>) -> StatusCode {
        let mut request = Request::builder().method(Method::POST).uri(path);
        if let Some(auth) = auth {
            request = request.header("Webhook-AuthID", auth);
        }
        let request = request.body(body.into()).unwrap_or_default();
        let response = receive::handle(&self.receiver, request, self.now()).await;
        assert!(response.body().is_empty(), "the receiver reflects nothing");
        response.status()
    }

    /// A record of the first tenant with the Id number `n`.
    #[must_use]
    pub fn record(&self, n: u32) -> Value {
        json!({
            "Id": format!("a0000000-0000-4000-8000-{n:012}"),
            "OrganizationId": self.tenant(),
            "CreationTime": "2026-03-01T10:00:00",
            "Operation": "Set-Mailbox",
            "RecordType": 1,
            "UserId": "alex@contoso.example",
            "Workload": "Exchange",
        })
    }

    /// A valid notification item for a blob that does not exist.
    #[must_use]
    pub fn item(&self, content_type: ContentType, content_id: &str) -> Value {
        let (tenant, base) = (self.tenant(), self.emulator.manage_url());
        let now = self.now();
        json!({
            "tenantId": tenant,
            "clientId": self.emulator.client_id(),
            "contentType": content_type.as_str(),
            "contentId": content_id,
            "contentUri": format!("{base}api/v1.0/{tenant}/activity/feed/audit/{content_id}"),
            "contentCreated": now.to_string(),
            "contentExpiration": (now + Duration::from_secs(7 * 24 * 3600)).to_string(),
        })
    }
}
