//! How the API treats those who ask: what has not changed is not sent again, what was changed meanwhile is not overwritten, and
//! what is sent twice is done once.

pub(super) mod etag;
pub(super) mod repeats;
