//! What a delivered blob is in the metrics.

use crate::metrics::{count, name};
use crate::store::ledger::blob::Counts;

/// Counts the records of a blob that was delivered.
pub(super) fn delivered(counts: &Counts) {
    count(name::RECORDS_WRITTEN, counts.written + counts.routed);
    count(name::RECORDS_DUPLICATE, counts.duplicate);
    count(name::RECORDS_DROPPED, counts.dropped);
    count(name::FOREIGN_RECORDS, counts.foreign);
    count(name::MALFORMED_RECORDS, counts.malformed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::captured;

    #[test]
    fn each_way_of_a_record_is_a_metric() {
        let captured = captured::start();
        delivered(&Counts {
            records: 31,
            written: 1,
            routed: 2,
            dropped: 4,
            duplicate: 8,
            foreign: 0,
            malformed: 16,
        });
        let expect = [
            (name::RECORDS_WRITTEN, 3),
            (name::RECORDS_DROPPED, 4),
            (name::RECORDS_DUPLICATE, 8),
            (name::MALFORMED_RECORDS, 16),
        ];
        let expect = expect.map(|(name, count)| (name.to_owned(), count));
        assert_eq!(captured.take(), expect.into());
    }
}
