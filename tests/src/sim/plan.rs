//! What a seed decides before a run: how large the world is, what goes wrong, how often, and for how long.

use std::time::Duration;

use emulator::{Behaviour, Clock, Consent, ContentType, Fault, FaultKind, Operation};
use jiff::{SignedDuration, Timestamp};

use super::dice::Dice;
use super::records::Mix;
use super::weather::AwsFault;

/// When every run begins.
const BEGIN: &str = "2026-03-02T00:00:00Z";

/// Tenants, content types of each, and steps of a run.
const TENANTS_MAX: usize = 3;
const STEPS: (usize, usize) = (30, 90);

/// What every tenant is subscribed to.
const TYPES: [ContentType; 2] = [ContentType::Exchange, ContentType::AzureActiveDirectory];

/// Longer than Microsoft keeps content, by more than a day.
const NEGLECTED_FOR: Duration = Duration::from_secs(9 * 24 * 3_600);

/// How likely a process dies at a moment, from never to often.
const DEATHS: [f64; 4] = [0.0, 0.002, 0.01, 0.03];

/// The services of AWS that a run has.
const SERVICES: [&str; 3] = ["dynamodb", "sqs", "s3"];

/// Rounds of one step at most, and the seconds between two: those of a deployed dispatcher, those after which an unhealthy tenant
/// is swept again, and those after which a message counts as overdue.
const ROUNDS_MAX: usize = 6;
const ROUNDS_EVERY: [u64; 3] = [60, 300, 2_700];

/// Everything that a seed decides before a run begins.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The emulator's settings.
    pub emulator: emulator::Config,
    /// What goes wrong with AWS, and how likely at each call.
    pub weather: Vec<(AwsFault, f64)>,
    /// What can go wrong with Microsoft.
    pub microsoft: Vec<FaultKind>,
    /// How likely a message comes again that was deleted.
    pub again: f64,
    /// How likely a process dies at a moment.
    pub deaths: f64,
    /// Steps of the storm.
    pub steps: usize,
    /// Processes of each function that work at once.
    pub processes: usize,
    /// The odd things in blobs.
    pub mix: Mix,
    /// Whether in the middle of the storm nobody looks at anything for longer than Microsoft keeps it.
    pub neglected: bool,
    /// Whether Microsoft announces nothing at first: then sweeps find everything.
    pub silent: bool,
    /// Whether an exception is made for a user.
    pub excepts: bool,
    /// Whether nobody fetches in the first half of the storm: then a backlog grows.
    pub idle: bool,
    /// Whether compactors are at work.
    pub compacts: bool,
    /// How far the processes' clock is ahead of Microsoft's; none where their tokens go by this machine's clock.
    pub ahead: Option<SignedDuration>,
}

/// A step of the storm.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Time passes.
    Pass(Duration),
    /// Blobs appear: the tenant, the type, and the number of records in each.
    Publish(usize, ContentType, Vec<usize>),
    /// Blobs of the queue are fetched.
    Fetch,
    /// Whoever is due is put into the queue of sweeps.
    Dispatch,
    /// Tenants of that queue are swept.
    Sweep,
    /// Raw copies are looked at.
    Detect,
    /// A process is replaced by one that remembers nothing.
    Restart,
    /// Something goes wrong at Microsoft from now on.
    Microsoft(FaultKind),
    /// What was wrong at Microsoft is over.
    MicrosoftWell,
    /// A service of AWS does not answer from now on, or does again.
    Down(&'static str),
    /// All services of AWS answer again.
    Up,
    /// A tenant's administrator takes the consent back, or gives it again.
    Consent(usize, Consent),
    /// Microsoft announces nothing from now on, or does again.
    Notify(bool),
    /// A tenant's events are made anew.
    Replay(usize),
    /// Somebody asks how a tenant stands.
    Ask(usize),
    /// A webhook of the first tenant gets a notification that names the second, and one without authId.
    Forge(usize, usize),
    /// Hours that are over become Parquet.
    Compact,
    /// So many rounds with such a time before each: who is due is swept, and what is found is fetched and looked at. A service of AWS
    /// may not answer as long as they last.
    Rounds(usize, Duration, Option<&'static str>),
}

impl Step {
    /// Whether the product is at work in it, with more than what it answers to Microsoft's notifications.
    pub(super) const fn is_work(&self) -> bool {
        match self {
            Self::Fetch
            | Self::Dispatch
            | Self::Sweep
            | Self::Detect
            | Self::Replay(_)
            | Self::Ask(_)
            | Self::Forge(..)
            | Self::Compact
            | Self::Rounds(..) => true,
            Self::Pass(_)
            | Self::Publish(..)
            | Self::Restart
            | Self::Microsoft(_)
            | Self::MicrosoftWell
            | Self::Down(_)
            | Self::Up
            | Self::Consent(..)
            | Self::Notify(_) => false,
        }
    }
}

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let dice = Dice::of(seed, "plan");
        let begin: Timestamp = BEGIN.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let behaviour = Behaviour {
            page_items_max: dice.between(1, 5),
            notification_items_max: dice.between(1, 4),
            notification_parallel_max: 1,
            gzip: dice.chance(0.5),
            content_expires_after_days: 7,
            first_blob_after_seconds: 0,
            ..Behaviour::default()
        };
        let emulator = emulator::Config {
            seed,
            tenants: dice.between(1, TENANTS_MAX),
            content_types: TYPES.to_vec(),
            blobs_per_tenant: 0,
            clock: Clock::stopped_at(begin),
            allow_http_webhooks: true,
            behaviour,
            ..emulator::Config::default()
        };
        let strength = [0.0, 0.005, 0.02, 0.06];
        let strength = dice.one(&strength).copied().unwrap_or_default();
        let weather = AwsFault::ALL.into_iter().filter(|_| dice.chance(0.5));
        let weather = weather.map(|fault| (fault, strength)).collect();
        let neglected = dice.chance(0.25);
        let some = |chance| if dice.chance(0.5) { chance } else { 0.0 };
        let microsoft = microsoft_faults().into_iter();
        // A few of them, so that each has its time: many at once hide each other.
        let microsoft = microsoft.filter(|_| dice.chance(0.12)).collect();
        let again = if dice.chance(0.5) { 0.1 } else { 0.0 };
        let deaths = dice.one(&DEATHS).copied().unwrap_or_default();
        Self {
            emulator,
            weather,
            microsoft,
            again,
            // Blobs are given up mostly where nobody looked: whoever does it is to die at it, too.
            deaths: if neglected { DEATHS[3] } else { deaths },
            steps: dice.between(STEPS.0, STEPS.1),
            processes: dice.between(1, 3),
            mix: Mix {
                shared: some(0.3),
                foreign: some(0.1),
                poison: some(0.1),
            },
            neglected,
            silent: dice.chance(0.3),
            excepts: dice.chance(0.3),
            // What is known and waits when it expires is given up.
            idle: dice.chance(if neglected { 0.7 } else { 0.3 }),
            compacts: dice.chance(0.3),
            ahead: None,
        }
    }

    /// A plan in which nothing goes wrong by itself and nothing is left to dice: for what is told step by step.
    #[must_use]
    pub fn still(tenants: usize) -> Self {
        let begin: Timestamp = BEGIN.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let behaviour = Behaviour {
            page_items_max: 5,
            notification_items_max: 4,
            notification_parallel_max: 1,
            ..Behaviour::default()
        };
        Self {
            emulator: emulator::Config {
                tenants,
                content_types: TYPES.to_vec(),
                blobs_per_tenant: 0,
                clock: Clock::stopped_at(begin),
                allow_http_webhooks: true,
                behaviour,
                ..emulator::Config::default()
            },
            weather: Vec::new(),
            microsoft: Vec::new(),
            again: 0.0,
            deaths: 0.0,
            steps: 0,
            processes: 2,
            mix: Mix::default(),
            neglected: false,
            silent: false,
            excepts: false,
            idle: false,
            compacts: false,
            ahead: Some(SignedDuration::ZERO),
        }
    }

    /// The number of the step in the middle of the storm.
    pub(super) const fn half(&self) -> usize {
        self.steps / 2
    }

    /// The step of the storm with this number, from 0.
    pub(super) fn step(&self, number: usize, dice: &Dice) -> Step {
        if self.neglected && number == self.half() {
            return Step::Pass(NEGLECTED_FOR);
        }
        let tenant = dice.below(self.emulator.tenants);
        let types = &self.emulator.content_types;
        let of = dice.one(types).copied().unwrap_or(ContentType::Exchange);
        match dice.below(100) {
            0..16 => {
                let sizes = (0..dice.between(1, 4)).map(|_| dice.below(7));
                Step::Publish(tenant, of, sizes.collect())
            }
            16..20 => {
                let span = dice.one(&ROUNDS_EVERY).copied().unwrap_or_default();
                let rounds = dice.between(2, ROUNDS_MAX);
                let down = dice.one(&SERVICES).filter(|_| dice.chance(0.3)).copied();
                Step::Rounds(rounds, Duration::from_secs(span), down)
            }
            20..34 => {
                let spans = [1, 5, 30, 60, 300, 900, 3_600, 7_200];
                Step::Pass(Duration::from_secs(dice.one(&spans).copied().unwrap_or(1)))
            }
            34..50 => Step::Fetch,
            50 => Step::Ask(tenant),
            51 => Step::Forge(tenant, dice.below(self.emulator.tenants)),
            52 if self.compacts => Step::Compact,
            52 => Step::Fetch,
            53 => Step::Replay(tenant),
            54..64 => Step::Dispatch,
            64..74 => Step::Sweep,
            74..80 => Step::Detect,
            80..83 => Step::Restart,
            83..89 => match dice.one(&self.microsoft) {
                Some(fault) => Step::Microsoft(fault.clone()),
                None => Step::MicrosoftWell,
            },
            89..92 => Step::MicrosoftWell,
            92..94 => match dice.one(&SERVICES) {
                Some(service) => Step::Down(service),
                None => Step::Up,
            },
            94..97 => Step::Up,
            97 => Step::Consent(tenant, Consent::Roleless),
            98 => Step::Consent(tenant, Consent::Granted),
            _ => Step::Notify(dice.chance(0.5)),
        }
    }
}

/// A fault of Microsoft's, as a step sets it: it strikes some of the requests that it can.
pub(super) fn some(kind: FaultKind, dice: &Dice) -> Fault {
    let operations = [None, Some(Operation::Blob), Some(Operation::Content)];
    Fault {
        probability: if dice.chance(0.3) { 1.0 } else { 0.3 },
        operation: match kind {
            FaultKind::CutBody { .. } | FaultKind::ShortBody { .. } | FaultKind::ByteOrderMark => {
                None
            }
            _ => dice.one(&operations).copied().flatten(),
        },
        ..Fault::from(kind)
    }
}

/// What can go wrong at Microsoft, as it was seen in the field.
fn microsoft_faults() -> Vec<FaultKind> {
    let error = |status, code: &str| FaultKind::Error {
        status,
        code: code.to_owned(),
        message: String::new(),
    };
    vec![
        FaultKind::Throttle {
            status: None,
            retry_after_seconds: None,
        },
        FaultKind::Throttle {
            status: Some(429),
            retry_after_seconds: Some(30),
        },
        FaultKind::Throttle {
            status: Some(429),
            retry_after_seconds: Some(120),
        },
        FaultKind::Internal { in_an_hour: false },
        FaultKind::Internal { in_an_hour: true },
        FaultKind::Html { status: 503 },
        FaultKind::Html { status: 200 },
        FaultKind::Empty { status: 401 },
        FaultKind::Empty { status: 503 },
        FaultKind::Redirect {
            status: 302,
            location: "https://elsewhere.example/".to_owned(),
        },
        FaultKind::CutBody { after_bytes: 40 },
        FaultKind::ShortBody { after_bytes: 40 },
        FaultKind::ByteOrderMark,
        FaultKind::Reset,
        FaultKind::WrongDate { seconds: 300 },
        FaultKind::WrongDate { seconds: -300 },
        FaultKind::WebhookVanishes,
        FaultKind::WebhookDisabled,
        FaultKind::WebhookExpires,
        FaultKind::SubscriptionDisabled,
        FaultKind::ForeignContentUri {
            host: "attacker.example".to_owned(),
        },
        FaultKind::NotificationLost,
        FaultKind::NotificationLate { seconds: 900 },
        FaultKind::NotificationTwice { after_seconds: 0 },
        FaultKind::NotificationTwice {
            after_seconds: 7_200,
        },
        FaultKind::NotificationFirst,
        FaultKind::RepeatRecords { count: 2 },
        FaultKind::BlobForeign {
            host: "attacker.example".to_owned(),
        },
        error(404, "AF20050"),
        error(500, "AF50000"),
    ]
}
