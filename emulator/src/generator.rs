//! Audit records made from a seed.

mod library;
mod stream;
mod template;
mod users;

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

pub use library::BadRecord;
pub(crate) use library::Library;
pub(crate) use stream::{Segment, Stream};
#[cfg(test)]
pub(crate) use template::Template;
pub(crate) use users::People;

use crate::content_type::ContentType;
use crate::dice::{Dice, hash_text};

/// The share of each content type in [`records`], in percent. Sign-ins, mail and files are most of what a tenant's feeds carry.
const MIX: [(ContentType, u64); 5] = [
    (ContentType::AzureActiveDirectory, 30),
    (ContentType::Exchange, 25),
    (ContentType::SharePoint, 30),
    (ContentType::General, 13),
    (ContentType::Dlp, 2),
];

/// When the records of [`records`] were published: 2026-03-01T12:00:00Z. Their events lie up to six hours before.
const PUBLISHED_SECOND: i64 = 1_772_366_400;

/// Makes `count` audit records of one tenant, each a JSON object as the feed sends it: an ordinary mix of the five content types.
///
/// The same seed gives the same records on every machine, and a longer row begins with the shorter one.
/// For benches and tests that need records without a running emulator.
pub fn records(seed: u64, count: usize) -> Vec<String> {
    let mut dice = Dice::of(&[seed, hash_text("mix")]);
    let people = Arc::new(People::of(seed, dice.uuid()));
    let published = Timestamp::from_second(PUBLISHED_SECOND).unwrap_or(Timestamp::UNIX_EPOCH);
    let streams =
        MIX.map(|(content_type, _)| Stream::new(seed, Arc::clone(&people), content_type, None));
    (0..count as u64)
        .map(|number| {
            let mut record = Vec::new();
            streams[position(dice.below(100))].write_record(number, published, &mut record);
            // Templates are text, and text is what fills their holes.
            String::from_utf8(record).unwrap_or_default()
        })
        .collect()
}

/// The entry of [`MIX`] that a number from 0 to 99 falls into.
fn position(percent: u64) -> usize {
    let mut sum = 0;
    MIX.iter()
        .position(|(_, share)| {
            sum += share;
            percent < sum
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    #[test]
    fn records_are_a_mix_of_all_content_types() {
        let mut shares: BTreeMap<ContentType, u64> = BTreeMap::new();
        for record in records(1, 10_000) {
            let (content_type, _) = Template::of_raw_record(&record).expect("a JSON object");
            *shares.entry(content_type).or_default() += 1;
        }
        for (content_type, share) in MIX {
            let percent = shares[&content_type].div_ceil(100);
            assert!(
                percent.abs_diff(share) <= 3,
                "{content_type}: {percent} percent instead of {share}"
            );
        }
    }

    #[test]
    fn records_depend_on_the_seed_alone() {
        assert_eq!(records(1, 20)[..10], records(1, 10));
        assert_ne!(records(1, 10), records(2, 10));
    }

    #[test]
    fn no_two_records_share_an_id() {
        let ids: std::collections::BTreeSet<String> = records(1, 1_000)
            .iter()
            .map(|record| serde_json::from_str::<Value>(record).expect("JSON")["Id"].to_string())
            .collect();
        assert_eq!(ids.len(), 1_000);
    }
}
