//! Converts events of OCSF 1.8.0 to an older version, without loss.
//!
//! Attributes that the older version does not know move to `unmapped`, under their path in the event
//! (`cloud.account.tags`, `evidences[0].user`). So does a part that would break the version's rules. Enum values that
//! were added later become 99, with their caption beside them. The rules are in `table`, derived from the official
//! schemas; only the event is parsed at run time. Classes that an older version lacks, or for which it requires more,
//! are handled in `reclass`.

mod attribute;
mod observables;
mod projection;
mod reclass;
#[rustfmt::skip]
mod table;
mod texts;

pub(crate) use projection::down;
