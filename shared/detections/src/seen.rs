//! Which values were seen for whom: the state of rules about new values.
//!
//! A sighting knows the record that began it, so that this record is new again when it comes twice.

/// Values of one key: a user with more networks, devices or programs than that has no ordinary ones.
pub const VALUES_PER_KEY_MAX: usize = 1_000;

/// For whom values are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeenKey {
    /// The tenant's id.
    pub tenant: String,
    /// The rule's id.
    pub rule: String,
    /// The values of the fields `by`.
    pub by: Vec<String>,
}

/// When a value was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The first time, in seconds since 1970.
    pub first: i64,
    /// The record of that time.
    pub record: String,
    /// The last time.
    pub last: i64,
}

impl Sighting {
    /// The first one.
    #[must_use]
    pub fn new(record: &str, time: i64) -> Self {
        Self {
            first: time,
            record: record.to_owned(),
            last: time,
        }
    }

    /// Notes a record with the value; true when there was none with it in the time `within` before, in seconds.
    pub fn note(&mut self, within: i64, record: &str, time: i64) -> bool {
        let is_first = time < self.first || (time == self.first && record == self.record);
        let is_again = time.saturating_sub(self.last) > within;
        if is_first || is_again {
            self.first = time;
            record.clone_into(&mut self.record);
        }
        self.last = self.last.max(time);
        is_first || is_again
    }
}
