//! What ualstream asks of DynamoDB, SQS and S3, as promises, each tried at several readings of AWS: the embedded servers, ministack,
//! moto and the simulation's own queues.
//!
//! A promise's body says in a few words what it saw. Each server must show what AWS's documentation says, or the difference
//! that is known of it ([`differences`]), which docs/AWS.md tells.

mod differences;
mod dynamodb;
mod product;
mod s3;
mod servers;
mod sqs;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use tests::Outcome;

use self::differences::DIFFERENCES;
use self::servers::Reading;

/// Fails unless every server showed what it should: what AWS says, or its known difference.
#[track_caller]
fn compare(promise: &str, aws: &str, seen: Vec<(Reading, Outcome<String>)>) {
    let known = DIFFERENCES.iter().find(|known| known.promise == promise);
    if let Some(known) = known {
        assert_eq!(known.aws, aws, "{promise}: the table says it otherwise");
    }
    let mut wrong = Vec::new();
    for (reading, seen) in seen {
        let seen = seen.unwrap_or_else(|error| format!("fails: {error}"));
        let expect = known.and_then(|known| known.of(reading)).unwrap_or(aws);
        if seen != expect {
            wrong.push(format!(
                "{reading:?}\n  expected: {expect}\n  seen:     {seen}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{promise}\n{}", wrong.join("\n"));
}

/// `accepted`, or the code of the error.
fn told<T, E: ProvideErrorMetadata, R>(answer: &Result<T, SdkError<E, R>>) -> String {
    match answer {
        Ok(_) => "accepted".to_owned(),
        Err(error) => match error.as_service_error() {
            Some(service) => service.code().unwrap_or("error without a code").to_owned(),
            None => format!("no service error: {error}"),
        },
    }
}
