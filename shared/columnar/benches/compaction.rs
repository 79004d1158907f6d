//! A whole compaction in memory: decompress, read, sort, write Parquet; one core.
//!
//! `cargo bench -p columnar [-- RECORDS]`. The records are the normalizer's fixtures and what the emulator generates, and those
//! of the files of raw records (`*.ndjson`) in the folder that `UALSTREAM_RECORDS` names, where it does. Each copy has an Id
//! and a time of its own, in objects of 200 events.

use std::hint::black_box;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use columnar::{LinesError, Parts, each_line};
use emulator::generator;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use normalize::{Context, Options};
use serde_json::Value;

type AnyError = Box<dyn std::error::Error>;

const FIXTURES: &str = include_str!("../../normalize/tests/fixtures/golden.ndjson");

/// Records of an ordinary tenant, beside the fixtures.
const GENERATED: usize = 500;

/// The folder of further records.
const RECORDS: &str = "UALSTREAM_RECORDS";

/// As the pipeline does it (`compact::BUFFERED_BYTES_MAX`).
const BUFFERED_BYTES_MAX: usize = 80 * 1024 * 1024;

const EVENTS_PER_OBJECT: usize = 200;

/// Each object comes so often: making one takes longer than compacting it.
const TIMES: usize = 5;

fn main() -> Result<(), AnyError> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, make, path, count] = arguments.as_slice()
        && make == "make"
    {
        return make_objects(Path::new(path), count.parse()?);
    }
    let count = arguments.iter().find_map(|argument| argument.parse().ok());
    let count: usize = count.unwrap_or(400_000) / TIMES;
    // In a process of its own, whose memory is not ours.
    let file = std::env::temp_dir().join(format!("compaction-{}", std::process::id()));
    let making = std::process::Command::new(std::env::current_exe()?)
        .arg("make")
        .arg(&file)
        .arg(count.to_string())
        .status()?;
    let objects = read_objects(&file);
    std::fs::remove_file(&file)?;
    let [zstd, gzip] = objects?;
    if !making.success() {
        return Err("no objects were made".into());
    }
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{} events in objects of {EVENTS_PER_OBJECT}",
        count * TIMES
    )?;
    writeln!(
        out,
        "| objects | events/s by processor time | by the wall | Parquet bytes an event | peak memory less the objects |\n|---|---|---|---|---|"
    )?;
    let objects_bytes: usize = zstd.iter().chain(&gzip).map(Vec::len).sum();
    for (name, objects) in [("zstd", &zstd), ("gzip", &gzip)] {
        let (wall, processor) = (Instant::now(), processor_time()?);
        let (rows, bytes) = compact(objects, name)?;
        let [processor, wall] = [processor_time()? - processor, wall.elapsed()];
        let speed = |time: Duration| rows as f64 / time.as_secs_f64();
        writeln!(
            out,
            "| {name} | {:.0} | {:.0} | {} | {} MiB |",
            speed(processor),
            speed(wall),
            bytes / rows,
            peak_bytes()?.saturating_sub(objects_bytes) / 1024 / 1024,
        )?;
    }
    Ok(())
}

/// Writes objects, zstd and then gzip, each behind its length.
fn make_objects(path: &Path, count: usize) -> Result<(), AnyError> {
    let records = records()?;
    let events = events(&records, count);
    let mut file = io::BufWriter::new(std::fs::File::create(path)?);
    let text_bytes: usize = events.iter().map(Vec::len).sum();
    writeln!(
        io::stdout(),
        "{} different records, {} bytes an event",
        records.len(),
        text_bytes / events.len()
    )?;
    let objects: Vec<_> = events
        .chunks(EVENTS_PER_OBJECT)
        .map(<[_]>::concat)
        .collect();
    file.write_all(&u64::to_le_bytes(objects.len() as u64))?;
    let mut put = |bytes: Vec<u8>| {
        file.write_all(&u64::to_le_bytes(bytes.len() as u64))?;
        file.write_all(&bytes)
    };
    for text in &objects {
        put(zstd::bulk::compress(text, 1)?)?;
    }
    for text in &objects {
        put(gzip(text)?)?;
    }
    Ok(())
}

fn read_objects(path: &Path) -> Result<[Vec<Vec<u8>>; 2], AnyError> {
    let mut file = io::BufReader::new(std::fs::File::open(path)?);
    let count = read_number(&mut file)?;
    let mut kinds = [Vec::new(), Vec::new()];
    for kind in &mut kinds {
        for _ in 0..count {
            let mut bytes = vec![0; read_number(&mut file)?];
            file.read_exact(&mut bytes)?;
            kind.push(bytes);
        }
    }
    Ok(kinds)
}

fn read_number(file: &mut impl Read) -> io::Result<usize> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes) as usize)
}

/// Rows and bytes of the files.
fn compact(objects: &[Vec<u8>], name: &str) -> Result<(usize, usize), AnyError> {
    let mut parts = Parts::new();
    let (mut rows, mut bytes) = (0, 0);
    let mut take = |parts: &mut Parts| -> Result<bool, AnyError> {
        let Some(part) = parts.take_largest()? else {
            return Ok(false);
        };
        rows += part.rows;
        bytes += black_box(part.bytes).len();
        Ok(true)
    };
    for object in objects.iter().cycle().take(objects.len() * TIMES) {
        let reader: Box<dyn Read> = match name {
            "gzip" => Box::new(MultiGzDecoder::new(object.as_slice())),
            _ => Box::new(zstd::stream::read::Decoder::with_buffer(object.as_slice())?),
        };
        parts.set_savepoint();
        each_line(reader, |line| {
            parts
                .push(line)
                .map_err(|error| LinesError::Read(io::Error::other(error)))
        })?;
        while parts.bytes() > BUFFERED_BYTES_MAX && take(&mut parts)? {}
    }
    while take(&mut parts)? {}
    Ok((rows, bytes))
}

fn records() -> Result<Vec<Value>, AnyError> {
    let mut records = Vec::new();
    for line in FIXTURES.lines() {
        records.push(serde_json::from_str::<Value>(line)?["raw"].take());
    }
    for record in generator::records(1, GENERATED) {
        records.push(serde_json::from_str(&record)?);
    }
    records.extend(further_records()?);
    records.retain(Value::is_object);
    Ok(records)
}

/// Those of the folder, and says whether there is one.
#[expect(clippy::disallowed_methods, reason = "this is no setting of ours")]
fn further_records() -> Result<Vec<Value>, AnyError> {
    let mut out = io::stdout().lock();
    let Some(folder) = std::env::var_os(RECORDS) else {
        writeln!(out, "{RECORDS} is not set: no further records")?;
        return Ok(Vec::new());
    };
    let files: Result<Vec<_>, _> = std::fs::read_dir(&folder)?
        .map(|file| file.map(|file| file.path()))
        .collect();
    let mut files = files?;
    files.retain(|path| path.extension().is_some_and(|of| of == "ndjson"));
    files.sort();
    let mut records = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(path)?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            records.push(serde_json::from_str(line)?);
        }
    }
    writeln!(out, "{RECORDS}: {} further records", records.len())?;
    Ok(records)
}

fn events(records: &[Value], count: usize) -> Vec<Vec<u8>> {
    let options = Options::default();
    let context = Context {
        content_type: Some("Audit.General"),
        content_created_ms: None,
        options: &options,
    };
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state >> 32
    };
    let events = (0..count).map(|at| {
        let mut record = records[at % records.len()].clone();
        let (second, id) = (next() % 3_600, next());
        record["Id"] = format!("{id:08x}-{at:04x}-4000-8000-{:012x}", next()).into();
        record["CreationTime"] =
            format!("2026-03-01T10:{:02}:{:02}", second / 60, second % 60).into();
        let mut event = Vec::new();
        normalize::event(record.to_string().as_bytes(), &context, &mut event);
        event
    });
    events.collect()
}

fn gzip(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(4));
    encoder.write_all(text)?;
    encoder.finish()
}

/// Of this thread: other work on the machine does not count.
fn processor_time() -> Result<Duration, AnyError> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(
        text.split(' ').next().unwrap_or_default().parse()?,
    ))
}

/// The most memory that this process has had.
fn peak_bytes() -> Result<usize, AnyError> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .unwrap_or_default();
    Ok(kilobytes.trim().parse::<usize>()? * 1024)
}
