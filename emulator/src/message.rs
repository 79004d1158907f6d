//! HTTP messages as Microsoft's hosts read and write them.

pub(crate) mod access_token;
mod api_error;
mod header_spelling;
mod query;
mod request;
mod response;
mod route;

pub(crate) use access_token::Claims;
pub(crate) use api_error::ApiError;
pub(crate) use header_spelling::{DOCUMENTED_NEXT_PAGE, spelling};
pub(crate) use query::Query;
pub(crate) use request::{Request, content_type_of_id};
pub(crate) use response::{
    Response, empty, gzipped, html, json, json_bytes, marked, shorten, streamed,
};
pub(crate) use route::{method_fits, route};
