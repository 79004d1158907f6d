//! Who may use the API, what they changed, and what they were answered.
//!
//! * [`api_key`]: keys, as HMACs.
//! * [`audit`]: each change, with who made it.
//! * [`given`]: answers to requests that carry an `Idempotency-Key`.
//! * [`id`]: the names of keys and entries.

pub mod api_key;
pub mod audit;
pub mod given;
pub mod id;
