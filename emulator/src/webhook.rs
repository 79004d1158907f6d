//! Requests to webhooks: the validation during a start, and notifications.

mod announce;
mod deliver;
mod validate;

pub(crate) use announce::{announce, due, forget_failures, pending};
pub(crate) use validate::{Subscriber, validate};
