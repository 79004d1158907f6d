//! Single sign-on: people whom API Gateway's JWT authorizer has let in.
//!
//! API Gateway checks signature, issuer, audience and time of a token before it asks the function, and hands its claims over:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>. A route has one authorizer, so
//! these requests have paths of their own, under [`SIGN_ON_PATH`].

use std::collections::HashMap;

use jiff::Timestamp;

use super::super::error::ApiError;
use crate::store::ledger::access::api_key::Scope;
use crate::store::ledger::access::id::KeyId;

/// What stands before the API's paths for those who sign on with a token.
pub const SIGN_ON_PATH: &str = "/sso";

/// The role, or scope, that lets somebody look at everything.
const READ_ROLE: &str = "ualstream.read";

/// The one that lets somebody change everything too.
const ADMIN_ROLE: &str = "ualstream.admin";

/// Where issuers write roles and scopes: Entra's app roles, Entra's delegated scopes, and the scopes of RFC 9068.
const ROLE_CLAIMS: [&str; 3] = ["roles", "scp", "scope"];

/// What a person is called in the audit log, the best first. Each can be changed by the person or be used again by another, so
/// whoever it is, is told by `sub`.
const NAME_CLAIMS: [&str; 4] = ["preferred_username", "upn", "email", "name"];

/// Characters that are kept of a name: those of the longest e-mail address (RFC 5321, 4.5.3.1) and some more.
const NAME_CHARACTERS_MAX: usize = 320;

/// A person, as the claims of a checked token say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) key_id: KeyId,
    pub(super) name: String,
    pub(super) scope: Scope,
    pub(super) expires_at: Option<Timestamp>,
}

impl Person {
    /// Reads claims, each a text, as API Gateway hands them over: a list is `[one two]`.
    ///
    /// # Errors
    /// The token does not say whose it is, or has neither role.
    pub(super) fn of(claims: &HashMap<String, String>) -> Result<Self, ApiError> {
        let claim = |name: &str| claims.get(name).map(String::as_str).unwrap_or_default();
        let subject = claim("sub");
        if subject.is_empty() {
            return Err(ApiError::NotAuthenticated);
        }
        let has = |role| {
            let mut all = ROLE_CLAIMS.into_iter().flat_map(|name| words(claim(name)));
            all.any(|word| word == role)
        };
        let scope = match (has(ADMIN_ROLE), has(READ_ROLE)) {
            (true, _) => Scope::Admin,
            (false, true) => Scope::Read,
            (false, false) => return Err(ApiError::NoRole),
        };
        let mut names = NAME_CLAIMS.into_iter().map(claim);
        let name = names.find(|name| !name.is_empty()).unwrap_or(subject);
        let seconds = claim("exp").parse().ok();
        Ok(Self {
            key_id: KeyId::of_person(claim("iss"), subject),
            name: name.chars().take(NAME_CHARACTERS_MAX).collect(),
            scope,
            expires_at: seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()),
        })
    }
}

/// The words of a claim that is one text with blanks, or a list of texts.
fn words(claim: &str) -> impl Iterator<Item = &str> {
    let list = claim
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let all = list.unwrap_or(claim);
    all.split([' ', ',']).map(|word| word.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(claims: &[(&str, &str)]) -> Result<Person, &'static str> {
        let claims = claims
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        Person::of(&claims.collect()).map_err(|error| error.kind())
    }

    #[test]
    fn roles_are_read_as_each_issuer_writes_them() {
        for (claim, value, expect) in [
            ("roles", "[ualstream.admin]", Ok(Scope::Admin)),
            ("roles", "[other ualstream.read]", Ok(Scope::Read)),
            (
                "roles",
                r#"["ualstream.read","ualstream.admin"]"#,
                Ok(Scope::Admin),
            ),
            ("scp", "openid ualstream.read", Ok(Scope::Read)),
            ("scope", "ualstream.admin", Ok(Scope::Admin)),
            ("roles", "[]", Err("no-role")),
            ("roles", "[ualstream.administrator]", Err("no-role")),
            ("groups", "[ualstream.admin]", Err("no-role")),
        ] {
            let got = person(&[("sub", "a"), (claim, value)]).map(|person| person.scope);
            assert_eq!(got, expect, "{claim}: {value}");
        }
    }

    #[test]
    fn a_token_that_is_nobodys_opens_nothing() {
        let got = person(&[("roles", "[ualstream.admin]")]);
        assert_eq!(got, Err("not-authenticated"));
    }

    #[test]
    fn two_issuers_people_of_one_name_are_two() {
        let of = |issuer, subject| {
            let claims = [
                ("iss", issuer),
                ("sub", subject),
                ("preferred_username", "ann@contoso.example"),
                ("roles", "[ualstream.read]"),
                ("exp", "1795000000"),
            ];
            person(&claims).unwrap()
        };
        let one = of("https://a.example", "1");
        assert_eq!(one.name, "ann@contoso.example");
        assert_eq!(one.expires_at.unwrap().as_second(), 1_795_000_000);
        assert_eq!(one, of("https://a.example", "1"));
        assert_ne!(one.key_id, of("https://b.example", "1").key_id);
        assert_ne!(one.key_id, of("https://a.example", "2").key_id);
    }
}
