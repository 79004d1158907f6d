//! Counts what an installation asks of AWS and of Microsoft, and what that costs.
//!
//! ```sh
//! cargo run --release -p tests --bin costs
//! cargo run --release -p tests --bin costs -- detector
//! cargo run --release -p tests --bin costs -- first-look
//! cargo run --release -p tests --bin costs -- idle
//! ```
//!
//! Content: blobs of 10, 100 and 1,000 records through webhook, queue and fetcher into the lake, by 1,000 records and by a million;
//! ten blobs to a notification and to a batch of messages, and each blob by itself. Detector: the same content looked at by the
//! rules, after as much of the same users; first look: without that. Idle tenants: a month of sweeps of tenants that
//! publish nothing, by a tenant, and for the installation as a whole.
//!
//! The code is that of the Lambdas. The emulated Microsoft answers after 50 ms; Lambda's time is wall-clock time on this machine.

mod bill;
mod content;
mod detector;
mod idle;

use std::io::{self, Write as _};

use tests::Outcome;

/// Records in a blob, and how many blobs.
const SIZES: [(usize, usize); 3] = [(10, 1_000), (100, 400), (1_000, 100)];

#[tokio::main]
async fn main() -> Outcome<()> {
    match std::env::args().nth(1).as_deref() {
        Some("idle") => idle_tenants().await,
        Some("detector") => detector(false).await,
        Some("first-look") => detector(true).await,
        _ => content().await,
    }
}

async fn content() -> Outcome<()> {
    for (records_per_blob, blobs) in SIZES {
        for together in [10, 1] {
            let bill = content::measure(records_per_blob, blobs, together).await?;
            let title = format!(
                "{records_per_blob} records a blob, {together} blobs a notification and a batch"
            );
            print(&title, &bill, ["per 1,000", "USD per million"])?;
        }
    }
    Ok(())
}

async fn detector(is_first_look: bool) -> Outcome<()> {
    for (records_per_blob, blobs) in SIZES {
        let bill = detector::measure(records_per_blob, blobs, is_first_look).await?;
        let title = format!("the detector, {records_per_blob} records a blob");
        print(&title, &bill, ["per 1,000", "USD per million"])?;
    }
    Ok(())
}

async fn idle_tenants() -> Outcome<()> {
    let idle = idle::measure().await?;
    print("an idle tenant", &idle.tenant, ["per month", "USD a month"])?;
    print(
        "an installation without tenants",
        &idle.installation,
        ["per month", "USD a month"],
    )
}

/// Prints a bill as a table.
fn print(title: &str, bill: &bill::Bill, [quantity, price]: [&str; 2]) -> Outcome<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "\n{title}\n{quantity:>14}  {price:>16}")?;
    for line in &bill.lines {
        let (quantity, price) = (line.quantity, line.usd);
        writeln!(out, "{quantity:>14.4}  {price:>16.5}  {}", line.what)?;
    }
    writeln!(out, "{:>14}  {:>16.5}  in all", "", bill.usd())?;
    Ok(())
}
