//! Sweeps 10,000 tenants of five content types with 20 sweepers, as many as Lambda would run, and says how long it takes.
//!
//! ```sh
//! cargo run --release -p tests --bin sweep_tenants -- 10000
//! ```
//!
//! Three processes share the machine: the emulated Microsoft, which answers after 50 ms, the embedded DynamoDB and SQS, and this
//! one, with dispatcher and sweepers, whose memory is told. Every sweeper is a process of its own on AWS, so each has its own
//! tokens, connections and portions of the tenants' requests here, and takes ten messages at a time.
//!
//! Four rounds, a quarter of an hour apart: one with the hourly pass over the last day; one without; one in which every hundredth
//! tenant begins to hang and every tenth to fail; and one in which the dispatcher knows of that. The registry is written beforehand,
//! and the subscriptions are started.

mod microsoft;
mod registry;
mod stores;
mod sweepers;

use std::io::{self, Write as _};
use std::time::Duration;

use tests::Outcome;

use self::microsoft::Calls;
use self::sweepers::{Installation, Round};

/// From one round to the next: the period of quiet tenants.
const PERIOD: Duration = Duration::from_secs(15 * 60);

/// Tenants, unless the command line says otherwise.
const TENANTS: usize = 10_000;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["microsoft", tenants] => microsoft::serve(tenants.parse()?).await,
        ["stores"] => stores::serve().await,
        [tenants] => measure(tenants.parse()?).await,
        _ => measure(TENANTS).await,
    }
}

async fn measure(tenants: usize) -> Outcome<()> {
    let mut microsoft = microsoft::Microsoft::start(tenants)?;
    let stores = stores::Stores::start()?;
    say(&format!("{tenants} tenants, subscriptions started"))?;
    let installation = Installation::new(&microsoft, &stores)?;
    registry::write(&installation, &microsoft.tenants).await?;
    say("registry written")?;
    for (title, troubled) in [
        ("with the pass over the day", false),
        ("without", false),
        ("trouble begins", true),
        ("trouble goes on", true),
    ] {
        microsoft.pass(PERIOD)?;
        installation.clock.advance(PERIOD);
        if troubled && !microsoft.troubled {
            microsoft.trouble()?;
        }
        let before = microsoft.calls()?;
        let round = installation.round(&microsoft.troubles()).await?;
        print(title, &round, &before, &microsoft.calls()?)?;
    }
    Ok(())
}

fn print(title: &str, round: &Round, before: &Calls, after: &Calls) -> Outcome<()> {
    let calls = |of: fn(&Calls) -> u64| of(after) - of(before);
    say(&format!(
        "{title}: {:.1} s, of which all healthy ones {:.1} s; dispatched {} in {:.1} s; swept {}, failed {}; \
         calls: {} tokens, {} lists, {} listings; peak memory {} MiB",
        round.took.as_secs_f64(),
        round.healthy_took.as_secs_f64(),
        round.dispatched,
        round.dispatching.as_secs_f64(),
        round.report.tenants,
        round.report.failed,
        calls(|of| of.tokens),
        calls(|of| of.lists),
        calls(|of| of.listings),
        peak_memory_mib()?,
    ))
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(io::stdout().lock(), "{line}")?)
}

/// The most memory that this process has had.
fn peak_memory_mib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("no VmHWM")?.parse::<u64>()? / 1024)
}
