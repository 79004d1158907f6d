//! Commands for files of records, rules and lakes: they need no installation, but for `restore`, which needs a table.

pub mod columns;
pub mod compact;
pub mod detect;
pub mod filter;
pub mod normalize;
mod raw_copies;
pub mod restore;
pub mod rules;

use super::CommandError;

/// Where S3's library asks for credentials when the environment has none: the metadata of an EC2 instance (IMDSv2).
const INSTANCE_METADATA: &str = "/latest/api/token";

/// Says what to do where a lake in S3 cannot be read for lack of credentials; any other error is as it was.
pub(crate) fn with_remedy(error: CommandError) -> CommandError {
    match error.to_string() {
        told if told.contains(INSTANCE_METADATA) => format!(
            "the environment has no AWS credentials for the lake; those of a profile are put there by: eval \"$(aws configure \
             export-credentials --format env)\" ({told})"
        )
        .into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lacking_credentials_are_told_with_their_remedy() {
        let lacking = "the lake failed: Generic S3 error: Error performing PUT http://169.254.169.254/latest/api/token in 1.3s";
        let told = with_remedy(lacking.into()).to_string();
        assert!(told.contains("aws configure export-credentials"), "{told}");
        assert!(told.contains(lacking), "{told}");
        let other =
            "the lake failed: Generic S3 error: Error performing list request: 404 Not Found";
        assert_eq!(with_remedy(other.into()).to_string(), other);
    }
}
