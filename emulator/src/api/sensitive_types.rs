//! Friendly names of sensitive information types.

use http::header::ACCEPT_LANGUAGE;
use serde_json::json;

use super::errors;
use crate::message::{ApiError, Request, Response, json};

/// `GET /resources/dlpSensitiveTypes`: one language at most.
pub(crate) fn sensitive_types(request: &Request) -> Result<Response, ApiError> {
    let language = request
        .headers
        .get(ACCEPT_LANGUAGE)
        .map_or(Ok("en-US"), |value| {
            value.to_str().map_err(|_| errors::bad_language())
        })?;
    check_language(language)?;
    Ok(json(
        200,
        &json!([
            { "id": "50842eb7-edc8-4019-85dd-5a5c1f2bb085", "name": "CreditCardNumber" },
            { "id": "a44669fe-0d48-453d-a9b1-2cc83f2cba77", "name": "USSocialSecurityNumber" },
            { "id": "cb353f78-2b72-4c3c-8827-92ebe4f69fdf", "name": "ABARoutingNumber" },
        ]),
    ))
}

fn check_language(value: &str) -> Result<(), ApiError> {
    if value.contains(',') {
        return Err(errors::several_languages());
    }
    let tag = value.split(';').next().unwrap_or_default().trim();
    let fits = !tag.is_empty()
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    if fits {
        Ok(())
    } else {
        Err(errors::bad_language())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_language_is_accepted() {
        let code = |value: &str| check_language(value).map_err(|error| error.code);
        for fine in ["en-US", "de", "zh-Hans-CN", "en;q=0.9"] {
            assert_eq!(code(fine), Ok(()), "{fine}");
        }
        assert_eq!(code("en-US,de"), Err("AF20053".to_owned()));
        for bad in ["", "en_US", "-", "englishenglish"] {
            assert_eq!(code(bad), Err("AF20054".to_owned()), "{bad}");
        }
    }
}
