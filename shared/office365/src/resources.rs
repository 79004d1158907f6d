//! Friendly names of sensitive information types.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use crate::error::{Error, Operation};
use crate::exchange::{Call, Reading};
use crate::operations::unreadable;
use crate::{Client, Cloud, TenantId};

/// Longest answer read: some three hundred types make 30 KB.
const ANSWER: Reading = Reading::Whole {
    body_bytes_max: 4 * 1024 * 1024,
};

/// What a DLP record calls by its GUID.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SensitiveType {
    /// As in DLP records; a tenant's own types need not be GUIDs.
    pub id: String,
    /// Its name in English.
    pub name: String,
}

impl Client {
    /// The tenant's sensitive information types and their English names (the API's default language).
    ///
    /// # Errors
    /// See [`Error::disposition`].
    pub async fn dlp_sensitive_types(
        &self,
        tenant: TenantId,
        cloud: Cloud,
    ) -> Result<Vec<SensitiveType>, Error> {
        let operation = Operation::SensitiveTypes;
        let call = Call {
            operation,
            tenant,
            cloud,
            content_type: None,
            method: Method::GET,
            url: self.url(operation, tenant, cloud, "resources/dlpSensitiveTypes", &[])?,
            body: Bytes::new(),
        };
        let answer = self.perform(&call, ANSWER).await?;
        serde_json::from_slice(&answer.body).map_err(|error| unreadable(operation, tenant, &error))
    }
}
