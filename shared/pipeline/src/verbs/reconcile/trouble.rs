//! What keeps a tenant from being swept in full.

use std::time::Duration;

use office365::{ContentType, Failure, InvalidConfig};

use crate::aws::AwsError;
use crate::microsoft::trouble;
use crate::store::ledger::LedgerError;
use crate::store::ledger::registry::brake::BrakeReason;
use crate::store::waiting::EnqueueError;
use crate::verbs::subscription::{EnsureError, StopError};

/// Why a tenant was not looked after in full.
#[derive(Debug, thiserror::Error)]
pub(super) enum TenantError {
    #[error("{of}: {error}")]
    Listing {
        of: ContentType,
        error: office365::Error,
    },
    #[error(transparent)]
    Ensure(#[from] EnsureError),
    #[error(transparent)]
    Stop(#[from] StopError),
    #[error(transparent)]
    Connect(#[from] InvalidConfig),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error("nothing moved for {0:?}: the sweep was ended")]
    Stalled(Duration),
    #[error("nothing was listed to its end within {0:?}: the next sweep lists less at once")]
    NotInTime(Duration),
}

impl TenantError {
    /// Whether a listing has more pages or blobs than are read of one.
    pub(super) fn is_endless_listing(&self) -> bool {
        match self {
            Self::Listing { error, .. } => matches!(error.failure(), Failure::Endless(_)),
            _ => false,
        }
    }

    /// What it says of the tenant as a whole, with the least wait that Microsoft asks for; `None` when it is the call's own.
    pub(super) fn of_tenant(&self) -> Option<(BrakeReason, Duration)> {
        match self {
            Self::Listing { error, .. }
            | Self::Stop(StopError::Microsoft(error))
            | Self::Ensure(EnsureError::Microsoft(error)) => trouble::of_tenant(error),
            _ => None,
        }
    }
}
