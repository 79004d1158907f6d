//! Start, stop and list subscriptions.

use bytes::Bytes;
use http::Method;

use crate::error::{Error, Failure, Operation};
use crate::exchange::{Call, Reading};
use crate::notification::describe;
use crate::subscription::{Started, Subscription, Webhook, Wire, start_body};
use crate::{Client, Cloud, ContentType, TenantId};

/// Longest answer about subscriptions: five of them make under 4 KB.
const ANSWER: Reading = Reading::Whole {
    body_bytes_max: 256 * 1024,
};

impl Client {
    /// Creates a subscription, changes or revives its webhook, or revives the subscription itself.
    ///
    /// With `None` an existing webhook is **removed**. The receiver must be ready before: Microsoft calls it now.
    /// At most once in 15 minutes for a subscription, which is the caller's to remember; so it is never sent twice here
    /// unless it certainly did not arrive.
    ///
    /// # Errors
    /// [`crate::Disposition::Retry`] after 15 minutes when the webhook did not answer (AF20021) or the last start was
    /// too recent; [`crate::Disposition::AuditingOff`] when the tenant has no audit log yet.
    pub async fn start(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_type: ContentType,
        webhook: Option<&Webhook>,
    ) -> Result<Started, Error> {
        let operation = Operation::Start;
        let query = [("contentType", content_type.as_str())];
        let call = Call {
            operation,
            tenant,
            cloud,
            content_type: Some(content_type),
            method: Method::POST,
            url: self.url(operation, tenant, cloud, "subscriptions/start", &query)?,
            body: webhook.map(start_body).map(Bytes::from).unwrap_or_default(),
        };
        let answer = match self.perform(&call, ANSWER).await {
            Err(error) if error.code() == Some("AF20024") => return Ok(Started::AlreadyEnabled),
            other => other?,
        };
        let wire: Wire = serde_json::from_slice(&answer.body)
            .map_err(|error| unreadable(operation, tenant, &error))?;
        wire.into_subscription()
            .map(Started::Changed)
            .ok_or_else(|| unknown_type(operation, tenant))
    }

    /// Ends a subscription. What is published until the next start is lost for good: never stop to repair.
    ///
    /// # Errors
    /// [`crate::Disposition::Disabled`] when there was none.
    pub async fn stop(
        &self,
        tenant: TenantId,
        cloud: Cloud,
        content_type: ContentType,
    ) -> Result<(), Error> {
        let operation = Operation::Stop;
        let query = [("contentType", content_type.as_str())];
        let call = Call {
            operation,
            tenant,
            cloud,
            content_type: Some(content_type),
            method: Method::POST,
            url: self.url(operation, tenant, cloud, "subscriptions/stop", &query)?,
            body: Bytes::new(),
        };
        self.perform(&call, ANSWER).await?;
        Ok(())
    }

    /// The tenant's subscriptions of this application; types unknown to this client are left out.
    ///
    /// # Errors
    /// See [`Error::disposition`].
    pub async fn list_subscriptions(
        &self,
        tenant: TenantId,
        cloud: Cloud,
    ) -> Result<Vec<Subscription>, Error> {
        let operation = Operation::ListSubscriptions;
        let call = Call {
            operation,
            tenant,
            cloud,
            content_type: None,
            method: Method::GET,
            url: self.url(operation, tenant, cloud, "subscriptions/list", &[])?,
            body: Bytes::new(),
        };
        let answer = self.perform(&call, ANSWER).await?;
        let wires: Vec<Wire> = serde_json::from_slice(&answer.body)
            .map_err(|error| unreadable(operation, tenant, &error))?;
        Ok(wires
            .into_iter()
            .filter_map(Wire::into_subscription)
            .collect())
    }
}

pub(crate) fn unreadable(
    operation: Operation,
    tenant: TenantId,
    error: &serde_json::Error,
) -> Error {
    Error::new(operation, tenant, Failure::Unreadable(describe(error)))
}

fn unknown_type(operation: Operation, tenant: TenantId) -> Error {
    let why = "it names an unknown content type".to_owned();
    Error::new(operation, tenant, Failure::Unreadable(why))
}
