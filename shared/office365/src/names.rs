//! What the API's things are called: tenants, clouds and their servers, content types and ids, addresses, times.

pub(crate) mod timestamp;

mod address;
mod cloud;
mod content;
mod content_type;
mod endpoints;
mod tenant;

pub use address::{AllowedHosts, HostileUri, check_content_uri};
pub(crate) use address::{check_address_of, check_next_page_uri};
pub use cloud::{Cloud, UnknownCloud};
pub(crate) use content::documented_expiration;
pub use content::{CONTENT_ID_BYTES_MAX, Content, ContentId, InvalidContentId};
pub use content_type::{ContentType, UnknownContentType};
pub use endpoints::{Endpoints, InvalidEndpoint};
pub use tenant::{InvalidTenantId, TenantId};
