//! Runs the simulation: `cargo sim --seeds 1..500`, or one seed with what happened: `cargo sim --seeds 7 --trace`. `cargo sim
//! --teeth` gives the product one bug after the other, and tells which seed finds it.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Instant;

use clap::Parser;
use pipeline::teeth::Tooth;
use tests::Outcome;
use tests::sim::bite::{alone, caught, side_by_side, tooth};
use tests::sim::run::Told;

/// Runs after which a long run says how far it is: a minute or two.
const TOLD_EVERY: usize = 100;

/// The product in a world whose every fault and order a seed decides.
#[derive(Debug, Parser)]
struct Arguments {
    /// A seed, or several: 7, or 1..500.
    #[arg(long, default_value = "1..200", value_parser = seeds)]
    seeds: RangeInclusive<u64>,
    /// Print what happened, step by step.
    #[arg(long)]
    trace: bool,
    /// Run with this bug.
    #[arg(long, value_parser = of_name)]
    tooth: Option<Tooth>,
    /// Run with each bug, until a seed finds it.
    #[arg(long)]
    teeth: bool,
    /// Runs side by side.
    #[arg(long, default_value_t = 3 * cores())]
    threads: usize,
}

fn cores() -> usize {
    available_parallelism().map_or(1, Into::into)
}

fn of_name(name: &str) -> Result<Tooth, String> {
    tooth(name).ok_or_else(|| format!("{name} is none of {}", names()))
}

fn names() -> String {
    let names = Tooth::ALL.iter().map(|tooth| tooth.name());
    names.collect::<Vec<_>>().join(", ")
}

fn seeds(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let number = |text: &str| text.parse().map_err(|_| format!("{text} is no seed"));
    Ok(number(first)?..=number(last)?)
}

fn main() -> Outcome<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.teeth {
        return teeth(&arguments);
    }
    let begun = Instant::now();
    let (mut runs, mut failed) = (0_usize, 0_usize);
    let mut dealt: BTreeMap<String, u64> = BTreeMap::new();
    let mut out = io::stdout().lock();
    let run = |seed| (seed, alone(seed, arguments.tooth));
    let tell = |(seed, told): (u64, Outcome<Told>)| {
        let told = told.map_err(|error| format!("seed {seed} breaks down: {error}"))?;
        runs += 1;
        for (name, times) in told.dealt {
            *dealt.entry(name).or_default() += times;
        }
        if arguments.trace {
            writeln!(out, "{}", told.log)?;
        }
        if !told.faults.is_empty() {
            failed += 1;
            writeln!(
                out,
                "seed {seed} fails; again: cargo sim --seeds {seed} --trace"
            )?;
            for fault in told.faults.iter().take(8) {
                writeln!(out, "  {fault}")?;
            }
        }
        if runs.is_multiple_of(TOLD_EVERY) {
            writeln!(out, "{runs} runs so far, {failed} failed")?;
        }
        Ok(())
    };
    side_by_side(arguments.seeds, arguments.threads, run, tell)?;
    writeln!(
        out,
        "{runs} runs in {:.1} s, {failed} failed",
        begun.elapsed().as_secs_f64()
    )?;
    for (name, times) in dealt {
        writeln!(out, "{times:>8}  {name}")?;
    }
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// Prints a table of all bugs, each with the first seed that finds it.
fn teeth(arguments: &Arguments) -> Outcome<ExitCode> {
    let (mut all_caught, mut out) = (true, io::stdout().lock());
    let look = |tooth: Tooth| (tooth, caught(tooth, arguments.seeds.clone()));
    let tell = |(tooth, found): (Tooth, Option<(u64, String)>)| {
        let (name, told) = (tooth.name(), tooth.told());
        match found {
            Some((seed, fault)) => writeln!(out, "| `{name}` | {told} | {seed} | {fault} |")?,
            None => {
                all_caught = false;
                writeln!(out, "| `{name}` | {told} | none | |")?;
            }
        }
        Ok(())
    };
    let teeth = Tooth::ALL.iter().copied();
    side_by_side(teeth, arguments.threads, look, tell)?;
    Ok(ExitCode::from(u8::from(!all_caught)))
}
