//! A run: a storm decided by the seed, then calm weather, until everything is at rest. Then the oracle.

mod work;

use std::fmt::Write as _;
use std::time::Duration;

use emulator::{Consent, TenantState};
use http::{Method, StatusCode};
use office365::ContentType;
use pipeline::compact::Looks;
use serde_json::{Value, json};
use uuid::Uuid;

use super::dice::Dice;
use super::house::{House, Process};
use super::oracle;
use super::plan::{self, Plan, Step};
use super::records::{EXCEPTED_USER, Records};
use super::secrets::Secrets;
use super::sqs::Sqs;
use super::watch::{self, Watch};
use super::weather::Weather;
use crate::Outcome;

/// How long an exception holds that is made: all of a run.
const EXCEPTED_FOR: Duration = Duration::from_secs(60 * 24 * 3_600);

/// Time that passes where nobody fetches: more than a message may wait before the sweep looks after it.
const IDLE_ROUND: Duration = Duration::from_secs(45 * 60);

/// What every tenant is registered for.
const TYPES: [&str; 2] = ["Audit.Exchange", "Audit.AzureActiveDirectory"];

/// How often an operator asks for a registration that is not answered, before the storm is over for it.
const REGISTRATIONS_MAX: usize = 20;

/// How long Microsoft keeps content, as documented.
const EXPIRES_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Told {
    /// What happened, step by step.
    pub log: String,
    /// How often each fault was dealt.
    pub dealt: std::collections::BTreeMap<String, u64>,
    /// What the oracle has against it; nothing, if all is well.
    pub faults: Vec<String>,
}

/// A house, its processes, and what was published there.
pub(super) struct Run {
    seed: u64,
    /// Processes until now.
    born: usize,
    pub(super) plan: Plan,
    pub(super) dice: Dice,
    /// Which process a question comes to. How many are asked depends on answers, and the steps must not.
    asked: Dice,
    pub(super) house: House,
    processes: Vec<Process>,
    pub(super) records: Records,
    pub(super) watch: Watch,
    /// What was wrong on the way.
    faults: Vec<String>,
    log: String,
}

/// Runs a seed, and looks for secrets where nobody may see them.
///
/// # Errors
/// The run itself breaks down. What is wrong with the product is told.
pub async fn run(seed: u64, secrets: Secrets) -> Outcome<Told> {
    let mut run = Run::begin(seed, Plan::of(seed), secrets).await?;
    for number in 0..run.plan.steps {
        run.plan.idle &= number <= run.plan.half();
        let step = run.plan.step(number, &run.dice);
        run.take(step).await?;
        // One fault brings others with it.
        if !run.faults.is_empty() {
            break;
        }
    }
    if run.faults.is_empty() {
        run.faults = watch::certified(&run.house, &run.records).await?;
        run.faults
            .extend(watch::accounted(&run.house, &run.records).await?);
    }
    let mut faults = std::mem::take(&mut run.faults);
    if faults.is_empty() {
        run.rest().await?;
        faults = oracle::faults(&run.house, &run.records, &run.plan).await?;
    }
    Ok(Told {
        dealt: run.house.weather.dealt(),
        log: run.log,
        faults,
    })
}

impl Run {
    /// A house as the plan has it, its tenants registered and its processes started.
    pub(super) async fn begin(seed: u64, plan: Plan, secrets: Secrets) -> Outcome<Self> {
        let clock = plan.emulator.clock.clone();
        let weather = Weather::new(seed, plan.weather.clone(), secrets);
        let sqs = Sqs::new(clock, Dice::of(seed, "sqs"), plan.again);
        let house = House::build(plan.emulator.clone(), sqs, weather, plan.ahead).await?;
        let mut run = Self {
            seed,
            born: 0,
            dice: Dice::of(seed, "steps"),
            asked: Dice::of(seed, "asked"),
            records: Records::new(house.emulator.tenants(), plan.mix),
            watch: Watch::default(),
            faults: Vec::new(),
            processes: Vec::new(),
            log: format!("{plan:?}\n"),
            house,
            plan,
        };
        for _ in 0..run.plan.processes {
            let process = run.process()?;
            run.processes.push(process);
        }
        run.register().await?;
        run.house.emulator.set_notify(!run.plan.silent);
        Ok(run)
    }

    /// Every tenant is registered, with processes that may die at it: whoever gets no answer asks again, as an operator does.
    async fn register(&mut self) -> Outcome<()> {
        for tenant in self.house.emulator.tenants() {
            let body = json!({"tenant_id": tenant, "content_types": TYPES});
            for _ in 0..REGISTRATIONS_MAX {
                let asked = self.ask(Method::POST, "/v1/tenants", body.clone());
                if asked.await?.is_some_and(|status| status.is_success()) {
                    break;
                }
            }
            let (status, answer) = self.house.operate(Method::POST, "/v1/tenants", body).await;
            if !status.is_success() {
                return Err(format!("a tenant is not registered: {answer}").into());
            }
        }
        if self.plan.excepts {
            let until = self.house.now() + EXCEPTED_FOR;
            let body = json!({"user": EXCEPTED_USER, "reason": "known", "until": until});
            let (status, answer) = self
                .house
                .operate(Method::POST, "/v1/exceptions", body)
                .await;
            if status != StatusCode::CREATED {
                return Err(format!("an exception is not made: {answer}").into());
            }
        }
        self.announced().await
    }

    async fn take(&mut self, step: Step) -> Outcome<()> {
        let told = match &step {
            Step::Pass(span) => {
                self.pass(*span).await?;
                String::new()
            }
            Step::Publish(tenant, of, sizes) => {
                for size in sizes {
                    let (emulator, of) = (&self.house.emulator, (*tenant, *of));
                    self.records.publish(emulator, of, *size, &self.dice);
                }
                String::new()
            }
            Step::Fetch if self.plan.idle => self.rounds(1, IDLE_ROUND).await?,
            Step::Fetch => self.fetch().await?,
            Step::Dispatch => self.dispatch().await?,
            Step::Sweep => self.sweep().await?,
            Step::Detect => self.detect().await?,
            Step::Restart => {
                let place = self.dice.below(self.processes.len());
                self.processes[place] = self.process()?;
                String::new()
            }
            Step::Microsoft(fault) => {
                let fault = plan::some(fault.clone(), &self.dice);
                self.house.emulator.fault(fault);
                String::new()
            }
            Step::MicrosoftWell => {
                self.count_microsoft();
                self.house.emulator.clear_faults();
                String::new()
            }
            Step::Down(service) => {
                self.house.weather.set_down(vec![service]);
                String::new()
            }
            Step::Up => {
                self.house.weather.set_down(Vec::new());
                String::new()
            }
            Step::Consent(tenant, consent) => {
                self.consent(*tenant, *consent);
                String::new()
            }
            Step::Notify(on) => {
                self.house.emulator.set_notify(*on);
                String::new()
            }
            Step::Replay(tenant) => self.replay(*tenant).await?,
            Step::Ask(tenant) => self.look_up(*tenant).await?,
            Step::Forge(tenant, named) => self.forge(*tenant, *named).await,
            Step::Compact => self.compact(self.house.by_our_clock(), Looks::Due).await?,
            Step::Rounds(rounds, span, down) => {
                self.house.weather.set_down(down.iter().copied().collect());
                let told = self.rounds(*rounds, *span).await?;
                self.house.weather.set_down(Vec::new());
                told
            }
        };
        self.announced().await?;
        let found = self.watch.look(&self.house, &self.records, &step).await?;
        self.faults.extend(found);
        let now = self.house.now();
        writeln!(self.log, "{now} {step:?} {told}")?;
        Ok(())
    }

    /// Lets time go by with everybody at work, but for the fetchers where they are idle.
    async fn rounds(&mut self, rounds: usize, span: Duration) -> Outcome<String> {
        let mut told = String::new();
        for _ in 0..rounds {
            self.pass(span).await?;
            write!(told, "{} ", self.dispatch().await?)?;
            told.push_str(&self.sweep().await?);
            if !self.plan.idle {
                told.push_str(&self.fetch().await?);
                told.push_str(&self.detect().await?);
            }
        }
        Ok(told)
    }

    /// Asks for a replay of all that there is.
    async fn replay(&mut self, tenant: usize) -> Outcome<String> {
        let path = format!("/v1/tenants/{}/replays", self.tenant(tenant));
        let body = json!({"from": self.house.begun});
        let status = self.ask(Method::POST, &path, body).await?;
        Ok(format!("{status:?}"))
    }

    /// Asks how a tenant stands.
    async fn look_up(&mut self, tenant: usize) -> Outcome<String> {
        let mut told = String::new();
        for of in ["", "/losses", "/certificate", "/events"] {
            let path = format!("/v1/tenants/{}{of}", self.tenant(tenant));
            let status = self.ask(Method::GET, &path, Value::Null).await?;
            if status.is_some_and(|status| status.is_client_error()) {
                self.faults.push(format!("{path} was answered {status:?}"));
            }
            write!(told, "{status:?} ")?;
        }
        Ok(told)
    }

    /// Somebody who knows a tenant's authId announces a blob of another one; and somebody without announces one of the tenant itself.
    async fn forge(&mut self, tenant: usize, named: usize) -> String {
        let (address, now) = (self.tenant(tenant), self.house.now());
        let stranger = Uuid::from_u128(1);
        let named = match tenant == named {
            true => stranger,
            false => self.tenant(named),
        };
        let item = |tenant: Uuid| {
            json!([{
                "tenantId": tenant, "clientId": self.house.emulator.client_id(),
                "contentType": TYPES[0], "contentId": format!("forged{}", self.log.len()), "contentUri": "",
                "contentCreated": now, "contentExpiration": now + EXPIRES_AFTER,
            }])
        };
        let Ok(webhook) = address.to_string().parse() else {
            return String::new();
        };
        let webhook = (webhook, ContentType::AuditExchange);
        let of_another = self.house.post(webhook, true, &item(named)).await;
        let unknown = self.house.post(webhook, false, &item(address)).await;
        if unknown != StatusCode::UNAUTHORIZED {
            let fault = format!("a notification without authId was answered {unknown}");
            self.faults.push(fault);
        }
        of_another.to_string()
    }

    fn tenant(&self, number: usize) -> Uuid {
        let tenants = self.house.emulator.tenants();
        tenants.get(number).copied().unwrap_or_default()
    }

    pub(super) fn consent(&mut self, tenant: usize, consent: Consent) {
        let id = self.tenant(tenant);
        let state = TenantState {
            consent: Some(consent),
            ..TenantState::default()
        };
        self.watch.consent(id, consent);
        self.house.emulator.set_tenant(id, &state);
    }

    /// The faults of Microsoft's that were dealt until now.
    fn count_microsoft(&self) {
        for (fault, times) in self.house.emulator.faults() {
            let kind = serde_json::to_value(&fault.kind).unwrap_or_default();
            let kind = kind["kind"].as_str().unwrap_or_default().to_owned();
            for _ in 0..times {
                self.house.weather.deal(format!("microsoft: {kind}"));
            }
        }
    }
}
