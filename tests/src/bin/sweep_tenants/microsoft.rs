//! The emulated Microsoft in a process of its own, and what it is told to do: a line in, a line out.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout};
use std::time::Duration;

use emulator::{Config, Consent, Emulator, Fault, FaultKind, Operation, TenantState};
use futures::stream::{self, TryStreamExt as _};
use office365::{Client, ClientConfig, Cloud, ContentType, Credential, Endpoints, TenantId};
use serde::{Deserialize, Serialize};
use tests::Outcome;
use uuid::Uuid;

use super::stores::spawn;

/// How long it takes to answer.
const LATENCY_MILLISECONDS: u64 = 50;

/// Longer than any client waits.
const HANGING_MILLISECONDS: u64 = 3_600_000;

/// Every so many-th tenant hangs.
const HANGS_EACH: usize = 100;

/// Every so many-th tenant fails: one in three of them is not consented to, one has a gateway's page, one is refused.
const FAILS_EACH: usize = 10;

/// Subscriptions started at once beforehand.
const STARTS_IN_FLIGHT_MAX: usize = 64;

/// A command.
#[derive(Debug, Serialize, Deserialize)]
enum Order {
    Pass(Duration),
    Trouble,
    Calls,
}

/// What it answered so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) tokens: u64,
    pub(crate) lists: u64,
    pub(crate) listings: u64,
}

/// How to reach it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) client_id: Uuid,
    pub(crate) client_secret: String,
    tenants: Vec<Uuid>,
}

/// The process, which ends with this.
#[derive(Debug)]
pub(crate) struct Microsoft {
    child: Child,
    answers: BufReader<ChildStdout>,
    pub(crate) access: Access,
    pub(crate) tenants: Vec<TenantId>,
    pub(crate) troubled: bool,
}

impl Microsoft {
    /// Starts it with so many tenants.
    pub(crate) fn start(tenants: usize) -> Outcome<Self> {
        let (mut child, line) = spawn(&["microsoft", &tenants.to_string()])?;
        let access: Access = serde_json::from_str(&line)?;
        let tenants = access.tenants.iter().map(|of| of.to_string().parse());
        Ok(Self {
            answers: BufReader::new(child.stdout.take().ok_or("no output")?),
            child,
            tenants: tenants.collect::<Result<_, _>>()?,
            access,
            troubled: false,
        })
    }

    /// Moves its clock.
    pub(crate) fn pass(&mut self, span: Duration) -> Outcome<()> {
        self.order(&Order::Pass(span)).map(drop)
    }

    /// From here on some tenants hang, and some fail.
    pub(crate) fn trouble(&mut self) -> Outcome<()> {
        self.troubled = true;
        self.order(&Order::Trouble).map(drop)
    }

    /// The calls so far.
    pub(crate) fn calls(&mut self) -> Outcome<Calls> {
        self.order(&Order::Calls)
    }

    /// The tenants that hang or fail.
    pub(crate) fn troubles(&self) -> Vec<TenantId> {
        let all = self.tenants.iter().enumerate();
        let bad = all.filter(|(number, _)| self.troubled && (hangs(*number) || fails(*number)));
        bad.map(|(_, tenant)| *tenant).collect()
    }

    fn order(&mut self, order: &Order) -> Outcome<Calls> {
        let input = self.child.stdin.as_mut().ok_or("no input")?;
        writeln!(input, "{}", serde_json::to_string(order)?)?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Microsoft {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const fn hangs(number: usize) -> bool {
    number % HANGS_EACH == 7
}

const fn fails(number: usize) -> bool {
    number % FAILS_EACH == 3
}

/// Runs it until the input ends.
pub(crate) async fn serve(tenants: usize) -> Outcome<()> {
    let emulator = Emulator::start(Config {
        tenants,
        blobs_per_tenant: 0,
        notify: false,
        ..Config::default()
    })
    .await?;
    start_all(&emulator).await?;
    delay(&emulator, None);
    delay(&emulator, Some(Operation::Token));
    let access = Access {
        url: emulator.manage_url().into(),
        client_id: emulator.client_id(),
        client_secret: emulator.client_secret().to_owned(),
        tenants: emulator.tenants(),
    };
    answer(&access)?;
    let orders = tokio::task::spawn_blocking(move || obey(&emulator));
    orders.await?
}

fn delay(emulator: &Emulator, operation: Option<Operation>) {
    emulator.fault(Fault {
        operation,
        ..Fault::from(FaultKind::Delay {
            milliseconds: LATENCY_MILLISECONDS,
        })
    });
}

fn answer(with: &impl Serialize) -> Outcome<()> {
    Ok(writeln!(
        std::io::stdout(),
        "{}",
        serde_json::to_string(with)?
    )?)
}

fn obey(emulator: &Emulator) -> Outcome<()> {
    for line in std::io::stdin().lines() {
        match serde_json::from_str(&line?)? {
            Order::Pass(span) => emulator.clock().advance(span),
            Order::Trouble => trouble(emulator),
            Order::Calls => {}
        }
        answer(&Calls {
            tokens: emulator.request_count(Operation::Token),
            lists: emulator.request_count(Operation::List),
            listings: emulator.request_count(Operation::Content),
        })?;
    }
    Ok(())
}

/// Makes tenants hang and fail.
fn trouble(emulator: &Emulator) {
    for (number, tenant) in emulator.tenants().into_iter().enumerate() {
        let kind = match number {
            _ if hangs(number) => FaultKind::Delay {
                milliseconds: HANGING_MILLISECONDS,
            },
            _ if !fails(number) => continue,
            _ if (number / FAILS_EACH).is_multiple_of(3) => {
                let state = TenantState {
                    consent: Some(Consent::Missing),
                    ..TenantState::default()
                };
                emulator.set_tenant(tenant, &state);
                continue;
            }
            _ if number / FAILS_EACH % 3 == 1 => FaultKind::Html { status: 503 },
            _ => FaultKind::Error {
                status: 403,
                code: "AF10001".to_owned(),
                message: "The permission set in the token is insufficient".to_owned(),
            },
        };
        emulator.fault(Fault {
            tenant: Some(tenant),
            ..Fault::from(kind)
        });
    }
}

/// Starts every subscription of every tenant.
async fn start_all(emulator: &Emulator) -> Outcome<()> {
    let credential = Credential::Secret(emulator.client_secret().into());
    let mut config = ClientConfig::new(emulator.client_id(), credential, Uuid::from_u128(7));
    let url = emulator.manage_url();
    config.endpoints = Endpoints::overridden(Some(url.as_str()), Some(url.as_str()))?;
    let client = &Client::new(config)?;
    let tenants = emulator.tenants().into_iter();
    let starts = tenants.flat_map(|tenant| ContentType::ALL.map(|of| (tenant, of)));
    stream::iter(starts.map(Ok))
        .try_for_each_concurrent(STARTS_IN_FLIGHT_MAX, |(tenant, of)| async move {
            let tenant = tenant.to_string().parse()?;
            client.start(tenant, Cloud::Enterprise, of, None).await?;
            Outcome::Ok(())
        })
        .await
}
