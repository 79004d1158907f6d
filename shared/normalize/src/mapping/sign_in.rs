//! Sign-ins to Entra ID, mailboxes and Teams: class Authentication.

use crate::ocsf::class::Authentication;
use crate::ocsf::{Event, Severity, Status, StatusId, api, status};
use crate::record::{Actor, Ids, Record, RecordType};
use crate::severity;
use std::borrow::Cow;

/// Maps a sign-in to Entra ID (record type 15, or one of its operations), to a mailbox or to Teams.
pub(crate) fn map<'a>(record: &Record<'a>, event: &mut Event<'a>, actor: &Actor<'a>) {
    let request = record
        .property("ExtendedProperties", "RequestType")
        .unwrap_or_default();
    let activity = match record.record_type {
        Some(RecordType::OWAAuth) => Authentication::ServiceTicketRequest,
        _ if &*record.op == "userloggedoff"
            || matches!(&*request, "OAuth2:Logout" | "Saml2:Logout") =>
        {
            Authentication::Logoff
        }
        _ => Authentication::Logon,
    };
    event.classify(activity);
    event.status = Some(if is_entra(record) {
        entra_status(record)
    } else if record.record_type == Some(RecordType::AzureActiveDirectoryAccountLogon) {
        legacy_status(record)
    } else {
        status::general(record)
    });
    rate(event);
    write_user(event, actor);
    if record
        .text("ObjectId")
        .is_none_or(|object| actor.user.name.as_ref() == Some(&object))
    {
        record.take("ObjectId");
    }
    write_service(record, event);
    write_protocol(record, event, &request);
    event.body.bool("is_remote", true);
    actor.write_session(&mut event.body);
}

fn is_entra(record: &Record<'_>) -> bool {
    record.record_type == Some(RecordType::AzureActiveDirectoryStsLogon)
        || matches!(
            &*record.op,
            "userloggedin" | "userloginfailed" | "userloggedoff"
        )
}

/// The status, by the error or, without one, by the operation. Never by ResultStatus: in a sign-in, that is the result
/// of the HTTP request and is "Success" on two thirds of the failed ones (Microsoft's schema page, "STS Logon schema").
///
/// `UserLoggedIn` with an error is a sign-in that was stopped after the password was accepted, by conditional access for
/// example. An interrupt is no such error: it asked for something and got it, as the operation says.
fn entra_status<'a>(record: &Record<'a>) -> Status<'a> {
    let code = record
        .take("ErrorNumber")
        .or_else(|| record.take("ErrorCode"));
    // A word of success is no error, and stays where the record has it.
    let is_error = |error: &str| status::of_word(error) != StatusId::Success;
    let error = record.text("LogonError");
    let error = error
        .filter(|error| is_error(error))
        .and_then(|_| record.take("LogonError"));
    let is_error = match code.as_deref() {
        Some(code) => code != NO_ERROR || error.is_some(),
        None => error.is_some(),
    };
    let id = match &*record.op {
        "userloggedin" | "userloggedoff" if is_error && !is_interrupt(&code, &error) => {
            StatusId::Failure
        }
        "userloggedin" | "userloggedoff" => StatusId::Success,
        "userloginfailed" => StatusId::Failure,
        _ if is_error => StatusId::Failure,
        _ if code.is_some() => StatusId::Success,
        _ => StatusId::Unknown,
    };
    status::take_word(record, id);
    let result = || {
        record
            .property("ExtendedProperties", "ResultStatusDetail")
            .filter(|detail| status::of_word(detail) == StatusId::Other)
    };
    Status {
        id,
        code,
        detail: error.or_else(result),
        ..Status::default()
    }
}

/// `ErrorNumber` of a sign-in without an error.
const NO_ERROR: &str = "0";

/// Whether the error only asked the user for something: those that the table of severities does not count as failures.
fn is_interrupt(code: &Option<Cow<'_, str>>, error: &Option<Cow<'_, str>>) -> bool {
    rate_failure(code.as_deref(), error.as_deref()) == Severity::Informational
}

fn rate_failure(code: Option<&str>, error: Option<&str>) -> Severity {
    severity::SIGN_INS.rate("failed", |field, test| {
        let value = match field {
            "code" => code,
            "error" => error,
            _ => None,
        };
        value.is_some_and(test)
    })
}

/// The status of the sign-ins of record type 9, written until 2019.
fn legacy_status<'a>(record: &Record<'a>) -> Status<'a> {
    let failed = record.int("LoginStatus").is_some_and(|number| number != 0);
    if !failed
        && record
            .text("ResultStatus")
            .is_none_or(|word| status::of_word(&word) != StatusId::Failure)
    {
        return status::general(record);
    }
    status::take_word(record, StatusId::Failure);
    let detail = record.property("ExtendedProperties", "LoginError");
    let code = record.text("LoginStatus").filter(|code| code != "0");
    Status {
        id: StatusId::Failure,
        code,
        detail,
        ..Status::default()
    }
}

/// Sets the severity. Only failures are above Informational. Records from before 2020 have the error's name but no
/// code.
fn rate(event: &mut Event<'_>) {
    let Some(status) = event
        .status
        .as_ref()
        .filter(|status| status.id == StatusId::Failure)
    else {
        return;
    };
    let severity = rate_failure(status.code.as_deref(), status.detail.as_deref());
    event.raise(severity);
}

/// Writes `user`, which the class requires even when nobody is named.
fn write_user<'a>(event: &mut Event<'a>, actor: &Actor<'a>) {
    let nobody = actor.user.is_nobody();
    event.body.object("user", |w| {
        if nobody {
            w.text("name", "unknown");
        } else {
            actor.user.write(w);
        }
    });
}

/// Writes what the user signed in to: the application and the resource behind it.
fn write_service<'a>(record: &Record<'a>, event: &mut Event<'a>) {
    let application = if record.record_type == Some(RecordType::AzureActiveDirectoryStsLogon) {
        record.take("ApplicationId")
    } else {
        None
    };
    event.body.object("service", |w| match application {
        Some(uid) => w.text("uid", &uid),
        None => w.text(
            "name",
            api::service_name(record.workload.as_deref().unwrap_or_default()),
        ),
    });
    let target = record.get("Target").map(Ids::read).unwrap_or_default();
    let resource = record
        .text("ObjectId")
        .filter(|object| crate::record::identity::is_guid(object));
    let uid = target.oid.or(target.spn).or(target.app_uid).or_else(|| {
        record.used(if resource.is_some() {
            &["ObjectId"]
        } else {
            &[]
        });
        resource.clone()
    });
    if uid.is_some() && uid == resource {
        record.used(&["ObjectId"]);
    }
    event.body.object("dst_endpoint", |w| {
        w.text_opt("uid", uid);
        w.text_opt("svc_name", target.display_name.or(target.upn));
    });
}

fn write_protocol<'a>(record: &Record<'a>, event: &mut Event<'a>, request: &str) {
    let w = &mut event.body;
    if !request.is_empty() {
        let (id, name) = match request.split(':').next().unwrap_or_default() {
            "OAuth2" => (6, "OAUTH 2.0"),
            "Saml2" => (5, "SAML"),
            "OrgIdWsFederation" | "WsFed" => (99, "WS-Federation"),
            _ => (99, request),
        };
        w.int("auth_protocol_id", id);
        w.text("auth_protocol", name);
        match request.split_once(':').map_or(request, |(kind, _)| kind) {
            "Login" | "Kmsi" | "SAS" | "ProofUp" => {
                w.int("logon_type_id", 2);
                w.text("logon_type", "Interactive");
            }
            "OAuth2" if request == "OAuth2:Token" => {
                w.int("logon_type_id", 3);
                w.text("logon_type", "Network");
            }
            _ => {}
        }
    }
    let error = record.text("LogonError").unwrap_or_default();
    if request.starts_with("SAS:")
        || error.starts_with("UserStrongAuth")
        || error == "AuthenticationFailedSasError"
    {
        w.bool("is_mfa", true);
    }
    if record
        .property("ExtendedProperties", "UserAuthenticationMethod")
        .as_deref()
        == Some("1")
    {
        w.array("auth_factors", |w| {
            w.element_object(|w| {
                w.int("factor_type_id", 11);
                w.text("factor_type", "Password");
            });
        });
    }
}
