//! Start, stop and list subscriptions.

use super::client::Client;
use super::request::Reading;
use super::subscription::{Started, Subscription, SubscriptionJson, Webhook, start_body};
use crate::names::{Cloud, ContentType, TenantId};
use crate::transport::{Error, Failure, Operation};

/// Longest answer about subscriptions: five of them make under 4 KB.
const ANSWER: Reading = Reading::Whole {
    body_bytes_max: 256 * 1024,
};

impl Client {
    /// Creates a subscription, changes or revives its webhook, or revives the subscription itself.
    ///
    /// With `None` an existing webhook is **removed**. Otherwise the webhook must be ready before: Microsoft calls it now.
    /// Microsoft allows one start per subscription in 15 minutes, which the caller must keep. So a start is repeated here
    /// only if it certainly did not arrive.
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
        let query = [("contentType", content_type.as_str())];
        let request = self
            .request(
                Operation::Start,
                tenant,
                cloud,
                Some(content_type),
                "subscriptions/start",
                &query,
            )?
            .with_body(webhook.map(start_body).unwrap_or_default());
        let answer = match self.perform(&request, ANSWER).await {
            Err(error) if error.code() == Some("AF20024") => return Ok(Started::AlreadyEnabled),
            other => other?,
        };
        let subscription: SubscriptionJson = request.parse(&answer.body)?;
        subscription
            .into_subscription()
            .map(Started::Changed)
            .ok_or_else(|| {
                let why = "it names an unknown content type".to_owned();
                request.fail(Failure::Unreadable(why))
            })
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
        let query = [("contentType", content_type.as_str())];
        let request = self.request(
            Operation::Stop,
            tenant,
            cloud,
            Some(content_type),
            "subscriptions/stop",
            &query,
        )?;
        self.perform(&request, ANSWER).await?;
        Ok(())
    }

    /// The tenant's subscriptions of this application. Types that this client does not know are left out.
    ///
    /// # Errors
    /// See [`Error::disposition`].
    pub async fn list_subscriptions(
        &self,
        tenant: TenantId,
        cloud: Cloud,
    ) -> Result<Vec<Subscription>, Error> {
        let path = "subscriptions/list";
        let operation = Operation::ListSubscriptions;
        let request = self.request(operation, tenant, cloud, None, path, &[])?;
        let answer = self.perform(&request, ANSWER).await?;
        let listed: Vec<SubscriptionJson> = request.parse(&answer.body)?;
        Ok(listed
            .into_iter()
            .filter_map(SubscriptionJson::into_subscription)
            .collect())
    }
}
