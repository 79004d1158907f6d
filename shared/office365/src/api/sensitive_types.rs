//! The names of sensitive information types, which DLP records mention by id only.

use serde::Deserialize;

use super::client::Client;
use super::request::Reading;
use crate::names::{Cloud, TenantId};
use crate::transport::{Error, Operation};

/// Longest answer read: some three hundred types make 30 KB.
const ANSWER: Reading = Reading::Whole {
    body_bytes_max: 4 * 1024 * 1024,
};

/// A sensitive information type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SensitiveType {
    /// As in DLP records. Microsoft's are GUIDs; a tenant's own need not be.
    pub id: String,
    /// Its name in English.
    pub name: String,
}

impl Client {
    /// The tenant's sensitive information types with their English names, the API's default language.
    ///
    /// # Errors
    /// See [`Error::disposition`].
    pub async fn dlp_sensitive_types(
        &self,
        tenant: TenantId,
        cloud: Cloud,
    ) -> Result<Vec<SensitiveType>, Error> {
        let path = "resources/dlpSensitiveTypes";
        let operation = Operation::SensitiveTypes;
        let request = self.request(operation, tenant, cloud, None, path, &[])?;
        let answer = self.perform(&request, ANSWER).await?;
        request.parse(&answer.body)
    }
}
