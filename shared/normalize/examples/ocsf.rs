//! Raw records (NDJSON on standard input) to OCSF events (NDJSON on standard output).
//!
//! `cargo run -p normalize --example ocsf [-- VERSION] < records.ndjson > events.ndjson`

use normalize::{OcsfVersion, Options};
use std::io::{Error, Read, Write};

fn main() -> std::io::Result<()> {
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    let version = std::env::args().nth(1).map(|text| text.parse());
    let version: OcsfVersion = version
        .transpose()
        .map_err(Error::other)?
        .unwrap_or_default();
    let options = Options {
        version,
        ..Options::default()
    };
    let context = normalize::Context {
        content_type: None,
        content_created_ms: None,
        options: &options,
    };
    let mut events = Vec::with_capacity(input.len() * 2);
    for record in input
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
    {
        normalize::event(record, &context, &mut events);
    }
    std::io::stdout().write_all(&events)
}
