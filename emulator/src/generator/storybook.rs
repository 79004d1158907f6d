//! Stories: attacks as sequences of records of one cast.

use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::placeholder::Values;
use super::template::Template;
use super::users::Users;
use crate::clock::{earlier, later};
use crate::content_type::ContentType;
use crate::rng::{SeededRng, hash, hash_text};
use crate::story::Story;

/// Lines of `{"at", "times", "every", "user", "each_user", "record"}`: see [`Line`].
const FILES: [(Story, &str); 5] = [
    (
        Story::PasswordSpray,
        include_str!("templates/stories/password_spray.ndjson"),
    ),
    (
        Story::ConsentPhishing,
        include_str!("templates/stories/consent_phishing.ndjson"),
    ),
    (
        Story::InsiderMassDownload,
        include_str!("templates/stories/insider_mass_download.ndjson"),
    ),
    (
        Story::FederationTakeover,
        include_str!("templates/stories/federation_takeover.ndjson"),
    ),
    (
        Story::OnedriveRansomware,
        include_str!("templates/stories/onedrive_ransomware.ndjson"),
    ),
];

/// Stories begin at a multiple of this, and each burst of records stays within one. Detections count within windows of ten
/// minutes or of multiples of it, so what a story shows does not depend on when it is told.
const SLOT_SECONDS: u64 = 600;

/// One act of a story.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    /// Seconds after the story's beginning.
    at: u64,
    /// How often.
    #[serde(default = "once")]
    times: u64,
    /// Seconds between two of them.
    #[serde(default)]
    every: u64,
    /// Whose act it is: the number of users after the story's first.
    #[serde(default)]
    user: u64,
    /// Each time it is the next user's.
    #[serde(default)]
    each_user: bool,
    #[serde(borrow)]
    record: &'a RawValue,
}

const fn once() -> u64 {
    1
}

#[derive(Debug)]
struct Act {
    at: u64,
    times: u64,
    every: u64,
    user: u64,
    each_user: bool,
    content_type: ContentType,
    template: Template,
}

/// One telling of a story: the same one has the same cast, times and Ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling {
    pub(crate) story: Story,
    pub(crate) seed: u64,
    pub(crate) tenant: Uuid,
    /// Tells this telling of the story in this tenant from others.
    pub(crate) number: u64,
    /// When it is told. The story ends at most ten minutes before.
    pub(crate) at: Timestamp,
}

/// A record of a story.
#[derive(Debug, Clone)]
pub(crate) struct StoryRecord {
    pub(crate) content_type: ContentType,
    pub(crate) time: Timestamp,
    /// The record as the feed sends it.
    pub(crate) json: Vec<u8>,
}

impl Telling {
    /// The records, in the order of their times.
    pub(crate) fn records(&self) -> Vec<StoryRecord> {
        let acts = acts(self.story);
        let users = Users::of(self.seed, self.tenant);
        let name = hash_text(self.story.name());
        let key = hash(&[self.seed, hash_text(&users.tenant), name, self.number]);
        let first_user = SeededRng::of(&[key, 0]).next() >> 1;
        let begin = self.begin(acts);
        let mut records = Vec::new();
        for (line, act) in acts.iter().enumerate() {
            for round in 0..act.times {
                let mut rng = SeededRng::of(&[key, line as u64 + 1, round]);
                let steps = act.user + if act.each_user { round } else { 0 };
                let time = later(begin, Duration::from_secs(act.at + round * act.every));
                let mut values = Values::new(rng.uuid(), time, (&users, first_user + steps), key);
                values.round = round + 1;
                let mut json = Vec::new();
                act.template.write(&values, &mut rng, &mut json);
                records.push(StoryRecord {
                    content_type: act.content_type,
                    time,
                    json,
                });
            }
        }
        records.sort_by_key(|record| record.time);
        records
    }

    /// The last multiple of [`SLOT_SECONDS`] from which on the whole story is over now.
    fn begin(&self, acts: &[Act]) -> Timestamp {
        let ends = acts.iter().map(|act| act.at + act.times * act.every);
        let length = ends.max().unwrap_or_default();
        let latest = earlier(self.at, Duration::from_secs(length)).as_second();
        let slot = SLOT_SECONDS as i64;
        Timestamp::from_second(latest.div_euclid(slot) * slot).unwrap_or(self.at)
    }
}

fn acts(story: Story) -> &'static [Act] {
    static READ: LazyLock<Vec<(Story, Vec<Act>)>> = LazyLock::new(|| {
        let read = FILES.iter().map(|(story, lines)| (*story, read(lines)));
        read.collect()
    });
    let of = READ.iter().find(|(of, _)| *of == story);
    of.map_or(&[], |(_, acts)| acts)
}

/// Lines that are none are left out; a test says that there are none.
fn read(lines: &str) -> Vec<Act> {
    let acts = lines.lines().filter_map(|line| {
        let line: Line<'_> = serde_json::from_str(line).ok()?;
        Some(Act {
            at: line.at,
            times: line.times,
            every: line.every,
            user: line.user,
            each_user: line.each_user,
            content_type: Template::content_type(line.record.get()).ok()?,
            template: Template::with_placeholders(line.record.get()),
        })
    });
    acts.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    /// Records of one line at most: a story is told in memory.
    const TIMES_MAX: u64 = 1_000;

    fn telling(story: Story, number: u64) -> Telling {
        Telling {
            story,
            seed: 1,
            tenant: Uuid::from_u128(7),
            number,
            at: "2026-03-01T10:07:31Z".parse().expect("a time"),
        }
    }

    fn values(telling: &Telling) -> Vec<Value> {
        let records = telling.records();
        let read = |of: &StoryRecord| serde_json::from_slice(&of.json).expect("JSON");
        records.iter().map(read).collect()
    }

    #[test]
    fn every_line_is_an_act_within_its_slot() {
        for (story, lines) in FILES {
            let acts = acts(story);
            assert_eq!(acts.len(), lines.lines().count(), "{story}");
            for act in acts {
                let ends = act.at + (act.times - 1) * act.every;
                assert!(act.times <= TIMES_MAX, "{story}: {act:?}");
                assert_eq!(
                    act.at / SLOT_SECONDS,
                    ends / SLOT_SECONDS,
                    "{story}: {act:?}"
                );
            }
        }
    }

    #[test]
    fn a_record_is_whole_and_of_its_tenant() {
        for story in Story::ALL {
            for record in values(&telling(story, 0)) {
                assert_eq!(record["OrganizationId"], Uuid::from_u128(7).to_string());
                assert!(!record.to_string().contains("{{"), "{record}");
                for field in [
                    "Id",
                    "CreationTime",
                    "Operation",
                    "RecordType",
                    "UserId",
                    "Workload",
                ] {
                    assert!(
                        record.get(field).is_some(),
                        "{field} is missing in {record}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_story_ends_within_minutes_before_it_is_told() {
        for story in Story::ALL {
            let told = telling(story, 0);
            let records = told.records();
            assert!(records.is_sorted_by_key(|record| record.time), "{story}");
            let last = records.last().expect("a record").time;
            let ago = told.at.duration_since(last).as_secs();
            assert!((0..900).contains(&ago), "{story}: {ago} s");
            for (record, value) in records.iter().zip(values(&told)) {
                let time = record.time.strftime("%Y-%m-%dT%H:%M:%S").to_string();
                assert_eq!(value["CreationTime"], time);
            }
        }
    }

    #[test]
    fn a_cast_stays_the_same_within_a_story_alone() {
        let attackers = |number| -> BTreeSet<String> {
            let records = values(&telling(Story::PasswordSpray, number));
            let of = records.iter().filter(|of| of["RecordType"] == 15);
            of.map(|of| of["ClientIP"].to_string()).collect()
        };
        assert_eq!(attackers(0).len(), 1);
        assert_ne!(attackers(0), attackers(1));
        let rules = values(&telling(Story::PasswordSpray, 0));
        let of = |operation: &str| {
            let found = rules.iter().rfind(|of| of["Operation"] == operation);
            found.expect("a record").clone()
        };
        let (sign_in, rule) = (of("UserLoggedIn"), of("New-InboxRule"));
        assert_eq!(sign_in["UserId"], rule["UserId"]);
        assert_eq!(sign_in["DeviceProperties"][3]["Value"], rule["SessionId"]);
    }

    #[test]
    fn tellings_share_no_id() {
        let all = (0..3).flat_map(|number| {
            Story::ALL
                .into_iter()
                .flat_map(move |story| values(&telling(story, number)))
        });
        let ids: Vec<String> = all.map(|record| record["Id"].to_string()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }
}
