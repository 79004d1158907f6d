//! The Management Activity API: every operation under `/api/v1.0/{tenant}/activity/feed`.

mod access;
mod blob;
mod content;
mod errors;
mod list;
mod notifications;
mod sensitive_types;
mod start;
mod window;

use crate::message::{ApiError, Request, Response, empty};
use crate::operation::Operation;

/// Answers a request of the API.
pub(crate) async fn respond(request: &Request) -> Response {
    let result = match access::check(request) {
        Ok(access) => match request.route.operation {
            Operation::Start => start::start(request, &access).await,
            Operation::Stop => start::stop(request, &access),
            Operation::List => list::list(request, &access),
            Operation::Content => content::content(request, &access),
            Operation::Notifications => notifications::notifications(request, &access),
            Operation::Blob => blob::blob(request, &access),
            Operation::SensitiveTypes => sensitive_types::sensitive_types(request),
            _ => Ok(empty(404)),
        },
        Err(access::Denied::Anonymous) => return errors::unauthorized(),
        Err(access::Denied::Refused(error)) => Err(error),
    };
    result.unwrap_or_else(|error: ApiError| error.response())
}

/// AF429, with the method that Microsoft counts the request under.
pub(crate) fn throttled(request: &Request, status: u16) -> Response {
    let method = if request.route.operation == Operation::Blob {
        "GetBlob"
    } else {
        "GetContents"
    };
    let publisher = request
        .query
        .get("PublisherIdentifier")
        .unwrap_or(access::NO_PUBLISHER);
    errors::throttled(status, method, publisher).response()
}

/// AF50000, with either of its texts.
pub(crate) fn internal(in_an_hour: bool) -> Response {
    errors::internal(in_an_hour).response()
}
