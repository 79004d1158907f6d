//! The pages for people, as bytes: one shell with its modules and style sheet, and the plain pages that answer a browser
//! without it. No build chain: the files in `assets/` are what a browser gets. They speak to the API under `/v1` alone.

mod asset;
mod result;

pub use asset::{Asset, asset};
pub use result::result_page;

/// The header `Content-Security-Policy` of every page and asset: only our own files, no inline code or style, no form sent
/// by the browser itself, no frame around us.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
