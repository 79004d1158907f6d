//! Time limits of one request.

use std::time::Duration;

/// Longest times of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until TCP and TLS are set up.
    pub connect: Duration,
    /// From sending to the answer's headers. A start is slow: Microsoft calls the webhook before it answers.
    pub first_byte: Duration,
    /// Between two chunks of the answer.
    pub idle: Duration,
    /// Until the last byte of the answer. Busy tenants were seen to need more than 30 s. A blob that is read as it comes has
    /// more time the more of it has come.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(15),
            total: Duration::from_secs(100),
        }
    }
}
