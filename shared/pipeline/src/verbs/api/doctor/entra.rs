//! What the login host's answer says: does it know the tenant, the application, the credential; was consent given, and to what.

use office365::{CredentialKind, Disposition, Error, Failure};

use super::evidence::Evidence;
use super::finding::{Check, Harm, Id, page, span};
use crate::clock::minute;

/// From so many days before its end on, a certificate is told of.
const DAYS_LEFT_MIN: i64 = 30;

const DAY: i64 = 24 * 3600;

/// What asks for consent, as the remedies name it.
const ASK_FOR_CONSENT: &str = "Send a Global Administrator of the tenant a consent link (POST /v1/consents, or register the tenant again and open consent_url), and let them accept. A new consent takes some minutes to work.";

/// What is wrong, by the code of the login host.
struct Trouble {
    id: Id,
    meaning: String,
    remedy: String,
    link: &'static str,
}

/// The first five checks, and what the login host says of the licence.
pub(super) fn checks(seen: &Evidence) -> Vec<Check> {
    let trouble = trouble(seen);
    let at = trouble.as_ref().map(|trouble| trouble.id);
    let of_trouble = |id: Id| {
        let found = trouble.as_ref().filter(|trouble| trouble.id == id)?;
        let check = Check::failed(id, Harm::StopsAll, found.meaning.clone())
            .remedy(found.remedy.clone())
            .link(found.link);
        let code = seen.token_error().and_then(Error::code);
        Some(match code {
            Some(code) => check.fact("code", code),
            None => check,
        })
    };
    let earlier = |id: Id, good: Check| {
        of_trouble(id).unwrap_or_else(|| match at {
            // What comes after the first trouble was not looked at.
            Some(at) if at < id => Check::skipped(id, "Not known: something before it is wrong."),
            _ => good,
        })
    };
    let cloud = seen.registered.tenant.cloud;
    let mut checks = vec![
        earlier(
            Id::LoginHost,
            Check::ok(
                Id::LoginHost,
                format!("Microsoft's sign-in for the cloud {cloud} answers, and knows the tenant."),
            ),
        ),
        earlier(
            Id::Application,
            Check::ok(
                Id::Application,
                "Our application is in the tenant and enabled.",
            ),
        ),
        of_trouble(Id::Credential).unwrap_or_else(|| credential(seen, at)),
        earlier(Id::Consent, consent(seen)),
    ];
    checks.extend(roles(seen));
    checks
}

/// What the login host says of the licence, when it is that.
pub(super) fn licence(seen: &Evidence) -> Option<Check> {
    let trouble = trouble(seen).filter(|trouble| trouble.id == Id::Licence)?;
    let check = Check::failed(Id::Licence, Harm::StopsAll, trouble.meaning);
    Some(check.remedy(trouble.remedy).link(trouble.link))
}

fn credential(seen: &Evidence, at: Option<Id>) -> Check {
    let kind = match seen.credential.map(|report| report.kind) {
        Some(CredentialKind::Secret) => "client secret",
        Some(CredentialKind::Certificate) => "certificate",
        Some(CredentialKind::Federated) => "federated credential",
        None => "credential",
    };
    if seen.facts().is_none() && at != Some(Id::Consent) {
        return Check::skipped(
            Id::Credential,
            format!("Not known: Microsoft did not get as far as our {kind}."),
        );
    }
    let end = seen.credential.and_then(|report| report.not_after);
    let Some(end) = end else {
        let more = match seen.credential.map(|report| report.kind) {
            Some(CredentialKind::Secret) => {
                " Until when it is valid only Entra shows (App registrations, Certificates & secrets)."
            }
            _ => "",
        };
        let meaning = format!("Microsoft accepts our {kind}.{more}");
        return Check::ok(Id::Credential, meaning).fact("kind", kind);
    };
    let days = end.duration_since(seen.now).as_secs().div_euclid(DAY);
    let until = minute(end);
    let check = if days < DAYS_LEFT_MIN {
        let left = span(end.duration_since(seen.now).as_secs().max(0));
        Check::warning(
            Id::Credential,
            format!("Our {kind} is accepted, and ends in {left}, on {until}."),
        )
        .remedy("Add a new certificate to the app registration, store it in the stack's secret AppCredentialSecret, then take the old one out.")
    } else {
        Check::ok(
            Id::Credential,
            format!("Microsoft accepts our {kind}; it is valid until {until}."),
        )
    };
    check
        .fact("kind", kind)
        .fact("days_left", days)
        .fact("valid_until", end.to_string())
}

fn consent(seen: &Evidence) -> Check {
    let Some(facts) = seen.facts() else {
        return Check::skipped(Id::Consent, "Not known without a token.");
    };
    match &facts.roles {
        Some(roles) => Check::ok(
            Id::Consent,
            "An administrator of the tenant has given consent.",
        )
        .fact("roles", roles.join(" ")),
        None => Check::unknown(
            Id::Consent,
            "Microsoft's token cannot be read, so that the API's answers have to say.",
        ),
    }
}

/// The permission of each content type.
fn roles(seen: &Evidence) -> Vec<Check> {
    let one = |of: office365::ContentType| {
        let permission = of.permission();
        let roles = seen.facts().map(|facts| facts.roles.as_ref());
        let refused = seen.lately.get(&of).and_then(|heard| heard.error());
        let refused = refused.is_some_and(|error| error.disposition() == Disposition::Consent);
        let has = |roles: &Vec<String>| roles.iter().any(|role| role == permission);
        let check = match roles {
            None => Check::skipped(Id::Roles, "Not known without a token."),
            Some(Some(roles)) if roles.is_empty() => {
                Check::skipped(Id::Roles, "Not known: nothing was consented to.")
            }
            Some(Some(roles)) if has(roles) && !refused => Check::ok(
                Id::Roles,
                format!("{of} needs {permission}, which was consented to."),
            ),
            Some(None) if !refused => Check::unknown(
                Id::Roles,
                format!("{of} needs {permission}; Microsoft's token cannot be read."),
            ),
            _ => Check::failed(
                Id::Roles,
                Harm::StopsType,
                format!("{of} needs the permission {permission}, which is missing: Microsoft gives us nothing of this type."),
            )
            .remedy(format!("Add the application permission {permission} of Office 365 Management APIs to the app registration, then consent again. {ASK_FOR_CONSENT}"))
            .link(page::CONSENT),
        };
        check.of_type(of).fact("permission", permission)
    };
    seen.types().map(|(of, _)| one(of)).collect()
}

fn trouble(seen: &Evidence) -> Option<Trouble> {
    let Some(report) = &seen.token else {
        return Some(no_answer("it did not answer in time"));
    };
    match &report.token {
        Ok(facts) => of_token(facts),
        Err(error) => of_error(seen, error),
    }
}

/// A token that opens nothing.
fn of_token(facts: &office365::TokenFacts) -> Option<Trouble> {
    if let Some(mismatch) = &facts.mismatch {
        return Some(Trouble {
            id: Id::LoginHost,
            meaning: format!("The login host gave us a token that {mismatch}."),
            remedy: "Compare the tenant ID and the cloud with those that Entra shows.".to_owned(),
            link: page::ENTRA,
        });
    }
    let roles = facts.roles.as_ref()?;
    let has_any = roles.iter().any(|role| role.starts_with("ActivityFeed."));
    (!has_any).then(|| Trouble {
        id: Id::Consent,
        meaning: "Our application is in the tenant, but nobody has consented to its permissions: Microsoft gives us a token that opens nothing.".to_owned(),
        remedy: ASK_FOR_CONSENT.to_owned(),
        link: page::CONSENT,
    })
}

fn no_answer(why: &str) -> Trouble {
    Trouble {
        id: Id::LoginHost,
        meaning: format!("Microsoft's sign-in cannot be reached from here: {why}."),
        remedy: "Check that LoginUrl is right and that this installation may reach it. If it is Microsoft's trouble, it passes; we go on trying.".to_owned(),
        link: "https://status.cloud.microsoft/",
    }
}

fn of_error(seen: &Evidence, error: &Error) -> Option<Trouble> {
    let tenant = &seen.registered.tenant;
    let (id, cloud) = (tenant.tenant_id, tenant.cloud);
    let trouble = |id, meaning: String, remedy: &str, link| {
        Some(Trouble {
            id,
            meaning,
            remedy: remedy.to_owned(),
            link,
        })
    };
    let code = error.code().unwrap_or_default();
    match code.strip_prefix("AADSTS").unwrap_or(code) {
        "90002" => trouble(
            Id::LoginHost,
            format!("Microsoft's sign-in for the cloud {cloud} knows no tenant {id}: the ID is wrong, the tenant was deleted, or it lives in another cloud."),
            "Compare the ID with the tenant ID on Entra's overview page, and register the tenant with the right ID and cloud.",
            page::ENTRA,
        ),
        "900382" | "900432" => trouble(
            Id::LoginHost,
            format!("The tenant lives in another cloud than {cloud}, where we ask for it."),
            "Register the tenant again with its cloud: enterprise, gcc, gcc-high, dod or china. A national cloud needs an app registration of its own.",
            page::ENTRA,
        ),
        "700016" | "7000229" => trouble(
            Id::Application,
            "Our application is not in this tenant: nobody has consented there, the consent was taken back, or the tenant ID is another organization's.".to_owned(),
            ASK_FOR_CONSENT,
            page::CONSENT,
        ),
        "7000112" => trouble(
            Id::Application,
            "Our application is disabled: an administrator has turned it off.".to_owned(),
            "In Entra, open Enterprise applications, our application, Properties, and set \"Enabled for users to sign-in\" to Yes.",
            page::ENTRA,
        ),
        "53003" => trouble(
            Id::Application,
            "A conditional access policy of the tenant keeps our application out.".to_owned(),
            "Ask an administrator of the tenant to exclude the application from the policy, or to add this installation's addresses to it.",
            page::ENTRA,
        ),
        "500014" | "500011" | "650052" => trouble(
            Id::Licence,
            "Microsoft's audit service is not active in this tenant: as a rule it has no Exchange Online licence, or its subscription has lapsed.".to_owned(),
            "Give the tenant a subscription with Exchange Online; a plan for one user is enough. It works some hours later, by itself.",
            page::TROUBLE,
        ),
        "65001" | "65004" | "90094" | "650051" => trouble(
            Id::Consent,
            "Consent is missing or was declined, or needs an administrator.".to_owned(),
            ASK_FOR_CONSENT,
            page::CONSENT,
        ),
        _ => of_credential(seen, error),
    }
}

/// The credential's troubles, and those of the way to the login host.
fn of_credential(seen: &Evidence, error: &Error) -> Option<Trouble> {
    let code = error.code().unwrap_or_default();
    let clock = match seen.skew() {
        Some(skew) if skew.abs() > super::house::SKEW_MAX => {
            " This installation's clock is wrong, which may be why."
        }
        _ => "",
    };
    let (meaning, remedy) = match code.strip_prefix("AADSTS").unwrap_or(code) {
        "7000215" => (
            "Our client secret is wrong.".to_owned(),
            "Store the secret's Value, not its Secret ID, in the stack's secret AppCredentialSecret; or create a new secret in Entra (App registrations, Certificates & secrets).",
        ),
        "7000222" => (
            "Our client secret has expired.".to_owned(),
            "Create a new one in Entra (App registrations, Certificates & secrets) and store its Value in the stack's secret AppCredentialSecret.",
        ),
        "50012" | "700027" | "50013" => (
            format!("Microsoft does not accept our certificate: it is not in the app registration, or has expired.{clock}"),
            "Compare the thumbprints in Entra (App registrations, Certificates & secrets), upload the certificate that is in the stack's secret AppCredentialSecret, or store one that is there.",
        ),
        "500133" | "700024" => (
            "Microsoft says that what we signed is too old or too new: the clock of this installation is wrong.".to_owned(),
            "Set the clock by a time server.",
        ),
        "700211" | "700212" | "700213" | "7002138" => (
            "Entra does not trust the statement of our AWS role: issuer, audience or subject of the federated credential differs.".to_owned(),
            "Compare the federated credential with docs/CONFIGURATION.md, letter by letter.",
        ),
        _ => match error.failure() {
            Failure::NoCredential(why) | Failure::Credential(why) => (
                format!("Our credential cannot be used: {why}."),
                "Store a client secret, or a key with its certificate, in the stack's secret AppCredentialSecret.",
            ),
            Failure::Answered { .. } if error.disposition() == Disposition::Credential => (
                format!("Microsoft refuses our credential: {}.", error.failure()),
                "Look the code up, and compare the app registration's credential with the stored one.",
            ),
            // Throttled: a check of its own.
            _ if seen.is_throttled() => return None,
            failure => return Some(no_answer(&failure.to_string())),
        },
    };
    Some(Trouble {
        id: Id::Credential,
        meaning,
        remedy: remedy.to_owned(),
        link: page::ENTRA_ERRORS,
    })
}
