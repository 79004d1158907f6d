//! A parsed record: its members, the actor, times, and lists of names and values. Nothing here knows OCSF's classes.

pub(crate) mod address;
mod email_address;
pub(crate) mod event_data;
mod id;
pub(crate) mod identity;
mod index;
mod modified_properties;
pub(crate) mod name_values;
mod reader;
mod record_type;
mod text;
pub(crate) mod time;

pub(crate) use email_address::{addresses, email_domain};
pub use id::{Identity, Malformed, identify};
pub(crate) use id::{name, read};
pub(crate) use identity::{Actor, Ids, User, UserKind, Who, is_guid};
pub(crate) use modified_properties::{Changes, UserUpdate};
pub(crate) use reader::Record;
pub(crate) use record_type::RecordType;
pub(crate) use text::{is_noise, meaningful, slice, text_of};
