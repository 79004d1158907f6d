//! How a request travels: within limits of time and size, at the tenant's pace, and with every failure typed.

pub(crate) mod clock;
pub(crate) mod error_body;
pub(crate) mod json;
pub(crate) mod sanitize;

mod backoff;
mod error;
mod error_code;
mod http_client;
mod limiter;
mod response;
mod retry_after;
mod scope;
mod timeouts;
mod wire_body;

pub(crate) use backoff::Backoff;
pub use clock::{Clock, Random};
pub(crate) use error::FEED_PERMISSION;
pub use error::{Disposition, Error, Failure, Limited, LimitedBy, Operation};
pub(crate) use http_client::HttpClient;
pub(crate) use limiter::{AttemptOutcome, Limiter, Limiters};
pub use limiter::{BreakerLimits, Budget, Grant, QuotaLimits};
pub use response::Encoding;
pub(crate) use response::Response;
pub use scope::{Scope, TenantTrouble};
pub use timeouts::Timeouts;
pub(crate) use wire_body::WireBody;
