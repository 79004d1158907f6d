//! Sign-ins: an error that is an outcome counts for more than the operation's name.

use super::{record, says};
use serde_json::{Value, json};

fn check(operation: &str, code: Value, error: Value, status: &str, severity: i64) {
    let mut more = json!({"Workload": "AzureActiveDirectory", "ResultStatus": "Success"});
    more["ErrorNumber"] = code;
    more["LogonError"] = error;
    says(
        &record(15, operation, more),
        &[
            ("/class_uid", json!(3002)),
            ("/status", json!(status)),
            ("/severity_id", json!(severity)),
        ],
    );
}

#[test]
fn a_stopped_sign_in_is_no_success() {
    for (code, error) in [
        ("53003", "BlockedByConditionalAccess"),
        ("53000", "DeviceNotCompliant"),
        ("53001", "DeviceNotDomainJoined"),
        ("53004", "ProofUpBlockedDueToRisk"),
        ("500121", "AuthenticationFailedSasError"),
        ("50126", "InvalidUserNameOrPassword"),
        ("50105", "EntitlementGrantsNotFound"),
        ("700016", "UnauthorizedClientApplicationNotFoundInDirectory"),
    ] {
        check("UserLoggedIn", json!(code), json!(error), "Failure", 2);
        check("UserLoggedIn", Value::Null, json!(error), "Failure", 2);
        check("UserLoggedIn", json!(code), Value::Null, "Failure", 2);
    }
    check("UserLoggedIn", json!(53003), json!(""), "Failure", 2);
    check(
        "UserLoggedIn",
        json!("50057"),
        json!("UserDisabled"),
        "Failure",
        3,
    );
    check(
        "UserLoggedIn",
        json!("0"),
        json!("BlockedByConditionalAccess"),
        "Failure",
        2,
    );
}

#[test]
fn an_interrupt_that_ended_well_stays_a_success() {
    for (code, error) in [
        ("50140", "KmsiInterrupt"),
        ("50199", "CmsiInterrupt"),
        ("50074", "UserStrongAuthClientAuthNRequiredInterrupt"),
        ("50076", "UserStrongAuthClientAuthNRequired"),
        ("50072", "UserStrongAuthEnrollmentRequiredInterrupt"),
        ("50125", "PasswordResetRegistrationRequiredInterrupt"),
        ("65001", "DelegationDoesNotExist"),
        ("50158", "ExternalSecurityChallenge"),
    ] {
        check("UserLoggedIn", json!(code), json!(error), "Success", 1);
        check("UserLoggedIn", Value::Null, json!(error), "Success", 1);
        check("UserLoggedIn", json!(code), Value::Null, "Success", 1);
    }
}

#[test]
fn words_for_no_error_are_none() {
    for (code, error) in [
        (json!("0"), Value::Null),
        (json!(0), json!("None")),
        (json!(""), json!("")),
        (Value::Null, json!("Success")),
        (Value::Null, Value::Null),
    ] {
        check("UserLoggedIn", code.clone(), error.clone(), "Success", 1);
        check("UserLoggedOff", code, error, "Success", 1);
    }
    check("UserLoginFailed", json!("0"), Value::Null, "Failure", 2);
}

#[test]
fn other_operations_go_by_the_error_alone() {
    let operation = "PasswordLogonInitialAuthUsingPassword";
    check(operation, json!("0"), Value::Null, "Success", 1);
    check(operation, Value::Null, json!("IdsLocked"), "Failure", 3);
    check(operation, Value::Null, Value::Null, "Unknown", 1);
}
