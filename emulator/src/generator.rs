//! Audit records made from a seed.

mod library;
mod ordinary;
mod placeholder;
mod storybook;
mod stream;
mod template;
mod users;

use std::sync::Arc;

use jiff::Timestamp;

pub use library::BadRecord;
pub(crate) use library::Library;
pub(crate) use storybook::{StoryRecord, Telling};
pub(crate) use stream::{RecordRange, RecordStream};
#[cfg(test)]
pub(crate) use template::Template;
pub(crate) use users::Users;

use crate::content_type::ContentType;
use crate::rng::{SeededRng, hash_text};

/// The share of each content type in [`ordinary`] records, in percent. Sign-ins, mail and files are most of what a tenant's feeds carry.
const MIX: [(ContentType, u64); 5] = [
    (ContentType::AzureActiveDirectory, 30),
    (ContentType::Exchange, 25),
    (ContentType::SharePoint, 30),
    (ContentType::General, 13),
    (ContentType::Dlp, 2),
];

/// When the first of [`ordinary`] records is published: 2026-03-01T12:00:00Z. The others follow in steps of a second, which is
/// some 70 records a day of each user. Events lie up to six hours before.
const PUBLISHED_SECOND: i64 = 1_772_366_400;

/// Makes `count` audit records of one tenant: the first of [`ordinary`]. For benches and tests that need records without a running
/// emulator.
pub fn records(seed: u64, count: usize) -> Vec<String> {
    ordinary(seed).take(count).collect()
}

/// The audit records of one tenant without end, each a JSON object as the feed sends it: an ordinary mix of the five content types.
///
/// The same seed gives the same records on every machine.
pub fn ordinary(seed: u64) -> impl Iterator<Item = String> {
    let mut rng = SeededRng::of(&[seed, hash_text("mix")]);
    let users = Arc::new(Users::of(seed, rng.uuid()));
    let streams = MIX
        .map(|(content_type, _)| RecordStream::new(seed, Arc::clone(&users), content_type, None));
    (0_u64..).map(move |number| {
        let second = PUBLISHED_SECOND.saturating_add_unsigned(number);
        let published = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        let mut record = Vec::new();
        streams[position(rng.below(100))].write_record(number, published, &mut record);
        // Templates are text, and so are the values of their placeholders.
        String::from_utf8(record).unwrap_or_default()
    })
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
