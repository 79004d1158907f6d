//! Where Parquet files say that they are: part of their keys, in the layout of Amazon Security Lake's custom sources.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Values of the partitions that stand before the day. It is part of stored plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// `region=`: where the lake is, such as `eu-central-1`.
    pub region: PartitionValue,
    /// `accountId=`: the AWS account, or the external id of the custom source.
    pub account_id: PartitionValue,
}

/// A value that may be part of a key: 1 to 64 letters, digits, `-` or `_`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartitionValue(String);

/// Not a value that may be part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, - or _")]
pub struct InvalidPartitionValue;

impl Display for PartitionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PartitionValue {
    type Err = InvalidPartitionValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPartitionValue)
        }
    }
}

impl TryFrom<String> for PartitionValue {
    type Error = InvalidPartitionValue;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PartitionValue> for String {
    fn from(value: PartitionValue) -> Self {
        value.0
    }
}
