//! What an operator may choose about events.

use crate::OcsfVersion;

/// How events are made, for all records of a deployment. [`Options::default`] is what a deployment without settings does.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// When the record's own text goes into the event.
    pub raw_data: RawData,
    /// The version of OCSF that events are valid in.
    pub version: OcsfVersion,
}

/// When an event carries its record's text in `raw_data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RawData {
    /// In every event: about doubles the size.
    Always,
    /// When the event does not hold all of it otherwise: records that cannot be read or have no Id or Operation, and
    /// records with repeated keys or broken UTF-16.
    #[default]
    Unmapped,
    /// In no event: the raw copy in the lake is the only one.
    Never,
}
