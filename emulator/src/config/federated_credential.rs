//! Another identity provider, whose assertions stand in for a secret.

use serde::{Deserialize, Serialize};

/// Another identity provider that the application trusts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FederatedCredential {
    /// `iss` of its assertions; `/.well-known/openid-configuration` is looked up under it.
    pub issuer: String,
    /// `sub` of its assertions, such as the ARN of a role.
    pub subject: String,
    /// `aud` of its assertions.
    #[serde(default = "exchange")]
    pub audience: String,
}

/// What Entra recommends as audience.
fn exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}
