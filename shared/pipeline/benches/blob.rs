//! A blob's way through the fetcher without its network: what Microsoft sent is decompressed, hashed, taken apart, told apart,
//! normalized, and the events, as well as the raw copy, are compressed. One core.
//!
//! `cargo bench -p pipeline`. The blob's records are the normalizer's fixtures and what the emulator generates. Memory is
//! allocated by the rules that the template gives the fetcher.

use std::collections::HashSet;
use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::process::Command;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use emulator::generator;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use normalize::{Batch, Context, Options, Schema};
use pipeline::content::event::Indexer;
use pipeline::fetch::READ_AT_ONCE_MAX;
use pipeline::lake::{Codec, Compressor};
use pipeline::ledger::claims::RecordId;
use records::split;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// One record of each shape that the normalizer's fixtures know.
const FIXTURES: &str = include_str!("../../normalize/tests/fixtures/golden.ndjson");

/// Records of an ordinary tenant, beside the fixtures.
const GENERATED: usize = 500;

/// What web servers compress with.
const SENT_LEVEL: u32 = 6;

/// Where the fetcher's environment is.
const TEMPLATE: &str = include_str!("../../../template.yaml");

fn main() -> Result<(), Box<dyn Error>> {
    if !is_as_in_the_fetcher() {
        // glibc reads its variables before anything of ours runs.
        let mut again = Command::new(std::env::current_exe()?);
        again.args(std::env::args_os().skip(1)).envs(allocator());
        return match again.status()?.success() {
            true => Ok(()),
            false => Err("the bench failed".into()),
        };
    }
    let records = records()?;
    let body = Bytes::from(format!("[{}]", records.join(",")));
    let sent = sent(&body)?;
    let blob = split(&body)?;
    let mut lines = Vec::new();
    let mut batch = Batch::default();
    let all = distinct(&blob, &mut HashSet::new(), &mut batch);
    events(&batch, &all, |event| lines.extend_from_slice(event));

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("blob");
    group.throughput(Throughput::Elements(records.len() as u64));
    for codec in [Codec::Zstd, Codec::Gzip] {
        let name = codec.as_str();
        group.bench_function(format!("to events as {name}"), |bencher| {
            bencher.iter(|| to_events(&received(black_box(&sent))?, codec));
        });
        group.bench_function(format!("to events as {name} and a raw copy"), |bencher| {
            bencher.iter(|| {
                let body = received(black_box(&sent))?;
                let raw = Codec::Gzip.compress(&body);
                to_events(&body, codec).map(|events| (raw, events))
            });
        });
    }
    group.bench_function("gunzip", |bencher| {
        bencher.iter(|| received(black_box(&sent)).map(|body| body.len()));
    });
    group.bench_function("sha-256", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&body)));
    });
    group.bench_function("split", |bencher| {
        bencher.iter(|| split(black_box(&body)).map(|elements| elements.len()));
    });
    group.bench_function("parse and tell apart", |bencher| {
        let mut batch = Batch::default();
        bencher.iter(|| distinct(black_box(&blob), &mut HashSet::new(), &mut batch).len());
    });
    group.bench_function("map and write", |bencher| {
        bencher.iter(|| events(&batch, &all, |event| _ = black_box(event)));
    });
    group.bench_function("index the events", |bencher| {
        bencher.iter(|| {
            let mut indexer = Indexer::new(Schema::Ocsf, Timestamp::UNIX_EPOCH);
            for line in lines.split_inclusive(|byte| *byte == b'\n') {
                indexer.add(black_box(line));
            }
            indexer.finish(1, 400).map(|index| index.len())
        });
    });
    for codec in [Codec::Zstd, Codec::Gzip] {
        for (what, content) in [("raw copy", &body[..]), ("events", &lines[..])] {
            group.bench_function(format!("{what} to {}", codec.as_str()), |bencher| {
                bencher.iter(|| codec.compress(black_box(content)).len());
            });
        }
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "these are no settings of ours")]
fn is_as_in_the_fetcher() -> bool {
    let is_set = |(name, _): (&str, _)| std::env::var_os(name).is_some();
    allocator().all(is_set)
}

/// The function's variables that glibc's allocator reads.
fn allocator() -> impl Iterator<Item = (&'static str, &'static str)> {
    let variables = TEMPLATE
        .lines()
        .skip_while(|line| *line != "  FetcherFunction:")
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.trim().split_once(": "));
    let ours = variables.filter(|(name, _)| name.starts_with("MALLOC_"));
    ours.map(|(name, value)| (name, value.trim_matches('"')))
}

/// Longest body of this bench.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A body to the compressed events of a blob that nobody has had before, and its hash.
fn to_events(body: &Bytes, codec: Codec) -> Result<Vec<u8>, Box<dyn Error>> {
    black_box(Sha256::digest(body));
    let elements = split(body)?;
    let mut seen = HashSet::with_capacity(elements.len());
    let mut compressor = Compressor::new(codec, Vec::new())?;
    let mut batch = Batch::default();
    for portion in elements.chunks(READ_AT_ONCE_MAX) {
        let own = distinct(portion, &mut seen, &mut batch);
        let mut text = Vec::new();
        events(&batch, &own, |event| text.extend_from_slice(event));
        compressor.append(&text)?;
    }
    Ok(compressor.finish()?)
}

fn sent(body: &[u8]) -> Result<Vec<u8>, std::io::Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(SENT_LEVEL));
    encoder.write_all(body)?;
    encoder.finish()
}

fn received(sent: &[u8]) -> Result<Bytes, std::io::Error> {
    Codec::Gzip
        .decompress(sent, BODY_BYTES_MAX)
        .map(Bytes::from)
}

/// The numbers of the records whose Id comes for the first time.
fn distinct<'a>(
    records: &'a [Bytes],
    seen: &mut HashSet<RecordId>,
    batch: &mut Batch<'a>,
) -> Vec<usize> {
    batch.begin(records.iter().map(Bytes::len).sum());
    let mut own = Vec::with_capacity(records.len());
    for record in records {
        let number = batch.len();
        if let Ok(identity) = batch.read(record)
            && seen.insert(RecordId::new(identity.id.as_deref(), record))
        {
            own.push(number);
        }
    }
    own
}

fn events(batch: &Batch<'_>, indices: &[usize], mut put: impl FnMut(&[u8])) {
    let options = Options::default();
    let context = Context {
        content_type: Some("Audit.General"),
        content_created_ms: None,
        options: &options,
    };
    let mut event = Vec::new();
    for number in indices {
        event.clear();
        batch.event(*number, &context, &mut event);
        put(&event);
    }
}

/// Each with an Id of its own: some fixtures share one.
fn records() -> Result<Vec<String>, Box<dyn Error>> {
    let fixtures = FIXTURES.lines().map(|line| {
        let mut pair: Value = serde_json::from_str(line)?;
        Ok(pair["raw"].take())
    });
    let generated = generator::records(1, GENERATED);
    let generated = generated.iter().map(|record| serde_json::from_str(record));
    let mut records = Vec::new();
    for (at, record) in fixtures.chain(generated).enumerate() {
        let mut record: Value = record?;
        let scattered = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        record["Id"] = uuid::Uuid::from_u64_pair(scattered, scattered.rotate_left(29))
            .to_string()
            .into();
        records.push(record.to_string());
    }
    Ok(records)
}
