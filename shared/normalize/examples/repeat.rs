//! Makes the events of a file's records (NDJSON) again and again, for a profiler:
//! `cargo run -p normalize --profile bench --example repeat FILE TIMES`.

use std::hint::black_box;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(times)) = (arguments.next(), arguments.next()) else {
        return Err("give a file of records, one a line, and how often".into());
    };
    let (input, times) = (std::fs::read(file)?, times.parse::<u32>()?);
    let records: Vec<&[u8]> = input
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .collect();
    let options = normalize::Options::default();
    let context = normalize::Context {
        content_type: Some("Audit.General"),
        content_created_ms: None,
        options: &options,
    };
    let mut out = Vec::with_capacity(input.len() * 4);
    for _ in 0..times {
        out.clear();
        for record in &records {
            normalize::event(record, &context, &mut out);
        }
        black_box(out.len());
    }
    Ok(())
}
