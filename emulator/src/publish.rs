//! Publishing: blobs become available, at a pace or by hand, and are counted and announced.

mod content_item;
mod publication;
mod published;
mod schedule;
mod telling;

pub(crate) use content_item::{ContentItem, format_time};
pub(crate) use publication::publish;
pub use published::{Published, PublishedFeed};
pub(crate) use published::{published, published_ids};
pub(crate) use schedule::start_publishing;
pub(crate) use telling::tell;
pub use telling::{Told, UnknownTenant};
