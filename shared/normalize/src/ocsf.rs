//! The event being written: OCSF's classes, and the objects and attributes that several mappings write.

pub(crate) mod actor;
pub(crate) mod api;
pub(crate) mod class;
pub(crate) mod email;
pub(crate) mod endpoint;
pub(crate) mod envelope;
pub(crate) mod event;
pub(crate) mod file;
pub(crate) mod finding;
pub(crate) mod malformed;
pub(crate) mod resource;
mod severity;
pub(crate) mod status;

pub(crate) use class::Class;
pub(crate) use event::{Event, ObservableType};
pub(crate) use severity::Severity;
pub(crate) use status::{Status, StatusId};
