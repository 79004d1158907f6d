//! Why rules are refused, and the limits beyond which they are.

/// The product that rules must be for.
pub(super) const PRODUCT: &str = "m365";

/// Bytes of a file of rules. The longest public rules have some 20 KB, most of it names.
pub const RULE_BYTES_MAX: usize = 64 * 1024;

/// Rules that are loaded, correlations and their base rules included; further ones are refused. The public collection has some
/// 3,000 for all products together, and 21 for Microsoft 365.
pub const RULES_MAX: usize = 2_000;

/// Depth of lists and mappings in a file of rules. Rules need 6.
pub const NESTING_MAX: usize = 32;

/// Documents of a file: a correlation and its base rules are some 3. Each can repeat what stands before it.
pub const DOCUMENTS_MAX: usize = 32;

/// Memory that one compiled regular expression may take, in bytes: those of public rules take less than 100 KB.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;

/// Why a rule, or a file of rules, cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UnusableRule {
    /// The file is longer than [`RULE_BYTES_MAX`].
    #[error("the file has more than {RULE_BYTES_MAX} bytes")]
    TooLong,
    /// It nests deeper than [`NESTING_MAX`], or a condition has too many brackets.
    #[error("it nests too deep")]
    TooDeep,
    /// The file has more than [`DOCUMENTS_MAX`] documents.
    #[error("the file has more than {DOCUMENTS_MAX} documents")]
    TooManyDocuments,
    /// It has a YAML alias.
    #[error("it has a YAML alias (*name): write the values out")]
    Alias,
    /// There are [`RULES_MAX`] rules already.
    #[error("there are {RULES_MAX} rules already")]
    TooMany,
    /// No Sigma rule, or one that does not compile.
    #[error("{0}")]
    Sigma(String),
    /// A regular expression that is wrong, or grows beyond [`REGEX_BYTES_MAX`].
    #[error("a regular expression cannot be used: {0}")]
    Regex(String),
    /// For another product than Microsoft 365.
    #[error("it is not for the product {PRODUCT}")]
    Product,
    /// The custom field `ualstream` cannot be read.
    #[error("its field ualstream: {0}")]
    Extra(String),
    /// A rule with the same id is there already.
    #[error("its id is that of another rule")]
    SameId,
    /// A correlation needs a rule that is not there.
    #[error("it needs the rule {0}, which is not there or cannot be used")]
    LacksBase(String),
    /// A correlation of a form that cannot be decided here.
    #[error("{0}")]
    Correlation(&'static str),
}

/// A rule that is not used.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file that it stands in.
    pub file: String,
    /// Its title, if it could be read so far.
    pub title: Option<String>,
    /// Why.
    pub reason: UnusableRule,
}
