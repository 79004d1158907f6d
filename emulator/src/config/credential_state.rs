//! How the application's own secret and certificates stand.

use serde::{Deserialize, Serialize};

/// How the application's secret and certificates stand, all alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// They open.
    #[default]
    Valid,
    /// Their time is over: AADSTS7000222 for the secret, AADSTS700027 for a certificate.
    Expired,
    /// Somebody has taken them out of the app registration, or put others in their place: AADSTS7000215 for the secret, and no
    /// key by the certificate's thumbprint.
    Removed,
}
