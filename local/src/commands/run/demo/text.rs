//! What the demo prints at its start and at its end.

use std::fmt::Write as _;
use std::path::Path;

use emulator::{Emulator, Story};
use pipeline::lake::Codec;
use secrecy::ExposeSecret as _;

use super::{DemoArgs, Summary, stories};
use crate::installation::{API_KEY, Installation};
use crate::verify::LakeRecords;

/// Addresses, and commands to paste into another terminal.
pub(super) fn header(
    installation: &Installation,
    microsoft: &Emulator,
    seed: u64,
    args: &DemoArgs,
) -> String {
    let (api, data) = (&installation.url, &installation.data);
    let key = data.root().join(API_KEY);
    let tenant = microsoft
        .tenants()
        .first()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut text = String::from(
        "ualstream demo: the whole pipeline in this process, against an emulated Microsoft\n\n",
    );
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    // The emulated Microsoft's records are nobody's: their key may stand in the terminal.
    let shown = installation.api_key.expose_secret();
    line("page", &format!("{api}   (sign in with {shown})"));
    line(
        "API",
        &format!("{api}v1/tenants   (key in {})", key.display()),
    );
    line(
        "Microsoft",
        &format!("{}   (emulated, seed {seed})", microsoft.manage_url()),
    );
    for entry in stories::told(args) {
        line(
            "attack",
            &format!("{} in tenant {tenant}   (--story)", entry.story),
        );
    }
    line(
        "DynamoDB",
        &format!(
            "{}   (in {})",
            installation.backends.dynamodb_url(),
            data.ledger().display()
        ),
    );
    line("SQS", &installation.backends.sqs_url());
    line("lake", &data.lake().display().to_string());
    if installation.resumed > 0 {
        line(
            "resumed",
            &format!(
                "{} blobs that the last run had not finished",
                installation.resumed
            ),
        );
    }
    let bearer = format!("-H \"Authorization: Bearer $(cat {})\"", key.display());
    let _ = write!(
        text,
        "\nLook around from another terminal:\n\n  curl -s {bearer} {api}v1/tenants\n  curl -s {bearer} {api}v1/tenants/{tenant}\n  curl -s {}_emulator/published\n",
        microsoft.manage_url()
    );
    if !args.once {
        text.push_str(&more_to_do(microsoft, &tenant));
    }
    text
}

/// What there is to do while the demo runs.
fn more_to_do(microsoft: &Emulator, tenant: &str) -> String {
    format!(
        "\nTell another attack, and see what is found:\n\n  curl -s {}_emulator/stories -d '{{\"tenant\": \"{tenant}\", \"story\": \"{}\"}}'\n\
         \nOr open the page, and add a tenant by a consent link: the emulated Microsoft asks as an administrator is asked.\n",
        microsoft.manage_url(),
        Story::ConsentPhishing
    )
}

/// The result in words and figures.
pub(super) fn summary(
    summary: &Summary,
    (lake, findings): (&LakeRecords, usize),
    folder: &Path,
    args: &DemoArgs,
) -> String {
    let once = args.once;
    let verdict = match (summary.lost, summary.duplicates) {
        (0, 0) if (summary.is_exact() || !once) && summary.dropped > 0 => {
            "every record once, or left out by the filter"
        }
        (0, 0) if summary.is_exact() || !once => "every record once",
        (0, 0) => "more in the lake than was published: was it empty?",
        _ => "NOT exactly once",
    };
    let seconds = summary.seconds;
    let events = summary.written + summary.routed;
    let rate = events as f64 / seconds.max(0.001);
    let mut text = format!("\nended after {seconds:.1} s: {verdict}\n\n");
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    line("published", format!("{} records", summary.published));
    let objects = lake.objects();
    if once {
        line(
            "written",
            format!("{events} events in {objects} objects, {rate:.0} a second"),
        );
    } else {
        line(
            "written",
            format!("{events} events in {objects} objects, those of earlier runs included"),
        );
    }
    for (name, count) in [("routed", summary.routed), ("dropped", summary.dropped)] {
        if count > 0 {
            line(name, format!("{count} by the filter"));
        }
    }
    line("duplicates", summary.duplicates.to_string());
    line("lost", summary.lost.to_string());
    line("findings", findings.to_string());
    // The temporary folder of --once is deleted next.
    if !once || args.pipeline.lake.is_some() || args.data.is_some() {
        let (ending, reader) = match args.pipeline.lake_compression {
            Codec::Gzip => ("gz", "zcat"),
            Codec::Zstd => ("zst", "zstdcat"),
        };
        let _ = write!(
            text,
            "\nThe lake is in {0}\n\n  find {0}/{1} -name '*.ndjson.{ending}' | head -1 | xargs {reader} | head -1\n",
            folder.display(),
            args.pipeline.events.schema
        );
    }
    text
}
