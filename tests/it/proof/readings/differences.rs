//! Where a server does not do as AWS's documentation says. docs/AWS.md shows the same table.

use super::servers::Reading::{self, Embedded, Ministack, Moto};
use tests::repo;

/// A promise that not every server keeps.
pub(super) struct Difference {
    /// The name of its test.
    pub(super) promise: &'static str,
    /// What AWS's documentation says.
    pub(super) aws: &'static str,
    /// What a server does instead.
    seen: &'static [(Reading, &'static str)],
}

pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        promise: "an_item_over_400_kb_is_refused",
        aws: "402,200 accepted, 409,600 accepted, 409,601 ValidationException, grown to 409,601 ValidationException",
        seen: &[(
            Moto,
            "402,200 accepted, 409,600 ValidationException, 409,601 ValidationException, grown to 409,601 ValidationException",
        )],
    },
    Difference {
        promise: "conditions_mean_what_they_say",
        aws: "yes yes yes yes yes yes yes yes no no yes",
        seen: &[(
            Moto,
            "yes yes yes yes yes yes yes yes no error without a code yes",
        )],
    },
    Difference {
        promise: "a_query_goes_on_where_it_stopped",
        aws: "7 7 6 whole; back 7 7 6 whole; 20 0 whole",
        seen: &[(Moto, "7 7 6 whole; back 7 7 6 whole; 20 whole")],
    },
    Difference {
        promise: "a_repeated_transaction_takes_effect_once",
        aws: "accepted accepted, now 1",
        seen: &[(Moto, "accepted accepted, now 2")],
    },
    Difference {
        promise: "a_delayed_message_comes_later",
        aws: "nothing, then late; 900 s accepted, 901 s refused",
        seen: &[
            (
                Embedded,
                "nothing, then late; 900 s accepted, 901 s accepted",
            ),
            (
                Ministack,
                "nothing, then late; 900 s accepted, 901 s accepted",
            ),
        ],
    },
    Difference {
        promise: "a_deleted_message_does_not_come_again",
        aws: "a b; accepted, again a; once more accepted",
        seen: &[(
            Ministack,
            "a b; accepted, again a; once more ReceiptHandleIsInvalid",
        )],
    },
    Difference {
        promise: "a_message_has_1_mib_at_most",
        aws: "256 KiB accepted, 1 MiB accepted and whole, more refused",
        seen: &[(Embedded, "256 KiB accepted, 1 MiB refused, more refused")],
    },
    Difference {
        promise: "a_standard_queue_takes_groups",
        aws: "2 sent 0 failed, m0 m1",
        seen: &[(Embedded, "0 sent 2 failed")],
    },
];

const DOCUMENT: &str = "docs/AWS.md";

const SOURCES: [&str; 7] = [
    "dynamodb/conditions.rs",
    "dynamodb/items.rs",
    "dynamodb/queries.rs",
    "dynamodb/transactions.rs",
    "s3.rs",
    "sqs/receiving.rs",
    "sqs/sending.rs",
];

impl Difference {
    /// What is known of a server; `None` where it does as AWS.
    pub(super) fn of(&self, reading: Reading) -> Option<&'static str> {
        let seen = self.seen.iter().find(|(of, _)| *of == reading);
        seen.map(|(_, seen)| *seen)
    }

    /// Its row in the document.
    fn row(&self) -> String {
        let promise = self.promise.replace('_', " ");
        let mut row = format!("| {promise} | {} |", self.aws);
        for reading in [Embedded, Ministack, Moto, Reading::Simulation] {
            row.push_str(&format!(" {} |", self.of(reading).unwrap_or("as AWS")));
        }
        row
    }
}

#[test]
fn the_document_shows_each_difference_and_no_other() {
    let text = repo::read(DOCUMENT).unwrap();
    let (_, table) = text.split_once("## Differences").unwrap();
    let shown: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(1)
        .collect();
    let expect: Vec<String> = DIFFERENCES.iter().map(Difference::row).collect();
    assert_eq!(shown, expect, "{DOCUMENT}:\n{}", expect.join("\n"));
}

#[test]
fn each_difference_is_of_a_promise_that_is_tried() {
    let read = |name| repo::read(format!("tests/it/proof/readings/{name}")).unwrap();
    let sources = SOURCES.map(read).concat();
    for known in DIFFERENCES {
        let tried = format!("async fn {}()", known.promise);
        assert!(sources.contains(&tried), "{}", known.promise);
    }
}
