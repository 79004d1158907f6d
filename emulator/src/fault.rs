//! Faults as data: what goes wrong, where, how often. Seeded, so that two runs with one seed and one order of calls go wrong alike.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::content_type::ContentType;
use crate::dice::Dice;
use crate::world::Operation;

/// Faults at once at most: each is tried on every request.
const FAULTS_MAX: usize = 1_000;

/// Something that goes wrong. In JSON: `{"kind": "throttle", "operation": "blob", "probability": 0.1}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// Only for this operation. By default every operation of the feed, but not the token endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// Only for this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Uuid>,
    /// Only for this content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// How likely, from 0 to 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// Leave the first matches alone.
    #[serde(default)]
    pub after: u64,
    /// How often at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// From this time of the emulator's clock, in seconds after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_seconds: Option<u64>,
    /// Until this time of the emulator's clock, in seconds after its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_seconds: Option<u64>,
}

const fn always() -> f64 {
    1.0
}

/// The kinds of faults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Any error of the API: status, AF code, message.
    Error {
        /// HTTP status.
        status: u16,
        /// `error.code`
        code: String,
        /// `error.message`
        #[serde(default)]
        message: String,
    },
    /// AF429, with the status of the rules unless one is given.
    Throttle {
        /// 403 or 429.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// A Retry-After header, which Microsoft does not promise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    /// 500 AF50000.
    Internal {
        /// The longer of the two texts seen: "retry … in an hour".
        #[serde(default)]
        in_an_hour: bool,
    },
    /// An HTML page of a gateway.
    Html {
        /// HTTP status; 503 is usual, 200 has been seen with proxies.
        status: u16,
    },
    /// A status with an empty body: 401, 408, 503.
    Empty {
        /// HTTP status.
        status: u16,
    },
    /// The answer is right but its body ends early and the connection with it.
    CutBody {
        /// Bytes that still arrive.
        after_bytes: u64,
    },
    /// The answer is complete and well-formed HTTP, but its JSON stops early.
    ShortBody {
        /// Bytes of the body that are sent.
        after_bytes: u64,
    },
    /// The connection is reset instead of an answer.
    Reset,
    /// The answer comes late, in real time.
    Delay {
        /// How late.
        milliseconds: u64,
    },
    /// The `Date` header is wrong.
    WrongDate {
        /// By how much; negative is in the past.
        seconds: i64,
    },
    /// The subscription's webhook silently becomes null, on any call for it.
    WebhookVanishes,
    /// The listing of content spells `contentUri` with another host.
    ForeignContentUri {
        /// The host, or anything else that may stand between `https://` and the path.
        host: String,
    },
    /// A notification is never sent.
    NotificationLost,
    /// A notification is sent late, on the emulator's clock.
    NotificationLate {
        /// By how much.
        seconds: u64,
    },
    /// A notification is sent a second time: at once, or after a while on the emulator's clock (old blobs were announced again after five days).
    NotificationTwice {
        /// How much later.
        #[serde(default)]
        after_seconds: u64,
    },
    /// A notification is sent before the ones that wait.
    NotificationFirst,
    /// A published blob begins with the last records of the one before.
    RepeatRecords {
        /// How many records.
        count: u64,
    },
    /// A published blob becomes available late, on the emulator's clock.
    BlobLate {
        /// By how much.
        seconds: u64,
    },
    /// A published blob has no records.
    BlobEmpty,
    /// A published blob is announced with a foreign `contentUri`.
    BlobForeign {
        /// The host, or anything else that may stand between `https://` and the path.
        host: String,
    },
}

/// The moments at which faults strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Request,
    Publication,
    Notification,
}

impl FaultKind {
    fn moment(&self) -> Moment {
        match self {
            Self::NotificationLost
            | Self::NotificationLate { .. }
            | Self::NotificationTwice { .. }
            | Self::NotificationFirst => Moment::Notification,
            Self::RepeatRecords { .. }
            | Self::BlobLate { .. }
            | Self::BlobEmpty
            | Self::BlobForeign { .. } => Moment::Publication,
            _ => Moment::Request,
        }
    }
}

impl From<FaultKind> for Fault {
    /// The fault everywhere, always.
    fn from(kind: FaultKind) -> Self {
        Self {
            kind,
            operation: None,
            tenant: None,
            content_type: None,
            probability: always(),
            after: 0,
            times: None,
            from_seconds: None,
            until_seconds: None,
        }
    }
}

/// What is about to happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion {
    pub(crate) moment: Moment,
    pub(crate) operation: Operation,
    pub(crate) tenant: Option<Uuid>,
    pub(crate) content_type: Option<ContentType>,
}

impl Fault {
    fn fits(&self, occasion: &Occasion, seconds: u64) -> bool {
        let operation_fits = match self.operation {
            Some(operation) => operation == occasion.operation,
            None => !matches!(
                occasion.operation,
                Operation::Token | Operation::Consent | Operation::Control | Operation::Unknown
            ),
        };
        self.kind.moment() == occasion.moment
            && operation_fits
            && self
                .tenant
                .is_none_or(|tenant| occasion.tenant == Some(tenant))
            && self
                .content_type
                .is_none_or(|content_type| occasion.content_type == Some(content_type))
            && self.from_seconds.is_none_or(|from| from <= seconds)
            && self.until_seconds.is_none_or(|until| seconds < until)
    }
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    matches: u64,
    struck: u64,
}

/// The faults in force, and how often each has struck.
#[derive(Debug)]
pub(crate) struct Faults {
    seed: u64,
    started: Timestamp,
    armed: Vec<Armed>,
    /// Faults ever added, so that each has dice of its own.
    added: u64,
}

impl Faults {
    pub(crate) fn new(seed: u64, started: Timestamp, faults: Vec<Fault>) -> Self {
        let mut book = Self {
            seed,
            started,
            armed: Vec::new(),
            added: 0,
        };
        for fault in faults {
            book.add(fault);
        }
        book
    }

    /// Adds a fault; false when there are too many.
    pub(crate) fn add(&mut self, fault: Fault) -> bool {
        if self.armed.len() >= FAULTS_MAX {
            return false;
        }
        self.added += 1;
        self.armed.push(Armed {
            fault,
            matches: 0,
            struck: 0,
        });
        true
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn list(&self) -> Vec<(Fault, u64)> {
        self.armed
            .iter()
            .map(|armed| (armed.fault.clone(), armed.struck))
            .collect()
    }

    /// The faults that strike now. Whether the n-th match of a fault strikes depends on the seed alone.
    pub(crate) fn strike(&mut self, occasion: &Occasion, now: Timestamp) -> Vec<FaultKind> {
        let seconds = u64::try_from(now.duration_since(self.started).as_secs()).unwrap_or(0);
        let mut struck = Vec::new();
        for (position, armed) in self.armed.iter_mut().enumerate() {
            if !armed.fault.fits(occasion, seconds)
                || armed.fault.times.is_some_and(|times| armed.struck >= times)
            {
                continue;
            }
            armed.matches += 1;
            let mut dice = Dice::of(&[self.seed, 0xfa17, position as u64, armed.matches]);
            if armed.matches > armed.fault.after && dice.chance(armed.fault.probability) {
                armed.struck += 1;
                struck.push(armed.fault.kind.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob_request() -> Occasion {
        Occasion {
            moment: Moment::Request,
            operation: Operation::Blob,
            tenant: Some(Uuid::nil()),
            content_type: Some(ContentType::Dlp),
        }
    }

    fn strikes(json: &str, occasion: &Occasion, tries: usize) -> Vec<bool> {
        let fault: Fault = serde_json::from_str(json).expect("a fault");
        let mut faults = Faults::new(1, Timestamp::UNIX_EPOCH, vec![fault]);
        (0..tries)
            .map(|_| !faults.strike(occasion, Timestamp::UNIX_EPOCH).is_empty())
            .collect()
    }

    #[test]
    fn a_fault_strikes_within_its_schedule() {
        let struck = strikes(
            r#"{"kind":"reset","operation":"blob","after":1,"times":2}"#,
            &blob_request(),
            5,
        );
        assert_eq!(struck, [false, true, true, false, false]);
    }

    #[test]
    fn a_fault_strikes_only_where_it_fits() {
        let token = Occasion {
            operation: Operation::Token,
            ..blob_request()
        };
        assert_eq!(
            strikes(r#"{"kind":"html","status":503}"#, &token, 1),
            [false]
        );
        assert_eq!(
            strikes(
                r#"{"kind":"html","status":503,"operation":"token"}"#,
                &token,
                1
            ),
            [true]
        );
        assert_eq!(
            strikes(
                r#"{"kind":"reset","content_type":"Audit.Exchange"}"#,
                &blob_request(),
                1
            ),
            [false]
        );
        assert_eq!(
            strikes(r#"{"kind":"reset","from_seconds":10}"#, &blob_request(), 1),
            [false]
        );
        assert_eq!(
            strikes(r#"{"kind":"blob_empty"}"#, &blob_request(), 1),
            [false]
        );
    }

    #[test]
    fn two_runs_with_one_seed_strike_alike() {
        let run = || {
            strikes(
                r#"{"kind":"internal","probability":0.3}"#,
                &blob_request(),
                200,
            )
        };
        assert_eq!(run(), run());
        let hits = run().into_iter().filter(|hit| *hit).count();
        assert!((30..90).contains(&hits), "{hits}");
    }
}
