//! Events of OCSF 1.8.0 brought down to an older version, without a loss.
//!
//! What the older version does not know moves to `unmapped`, under its path in the event (`cloud.account.tags`,
//! `evidences[0].user`), and so does a part that would break the version's rules. Values of enums that came later become
//! 99, with their caption beside them. The rules are in `table`, derived from the official schemas; nothing is parsed at
//! run time but the event. Classes that an older version lacks, or demands more of, are in `reclass`.

mod attribute;
mod observables;
mod projection;
mod reclass;
#[rustfmt::skip]
mod table;
mod texts;

pub(crate) use projection::down;
