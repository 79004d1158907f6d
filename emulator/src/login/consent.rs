//! The consent page, answered at once: the administrator agrees.

use crate::answer::{Answer, html};
use crate::call::Call;

/// Answers a request for consent.
pub(crate) fn consent(_call: &Call) -> Answer {
    html(501, "the consent page comes later")
}
