//! `ualstream compact` as a process of its own, whose memory can be measured.

use std::fs;
use std::process::Command;

use normalize::{Context, Options};
use pipeline::compact::BUFFERED_BYTES_MAX;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::process::text;

const HOUR: &str = "ocsf/content_type=Audit.AzureActiveDirectory/day=2026-03-01/hour=10/tenant_id=11111111-2222-4333-8444-555555555555";

/// More than the compactor holds at once, six times: what grows with the hour would show.
const OBJECTS: usize = 750;
const EVENTS_PER_OBJECT: usize = 200;

/// What the function is promised to need, in KiB.
const PEAK_MAX: u64 = 256 * 1024;

/// The function's environment has it.
const ALLOCATOR: &str = "MALLOC_ARENA_MAX";

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The highest memory of a child process, in KiB: Rust's library tells of none.
const MEASURE: &str = "import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

/// A sign-in in which no text is like another's: neither a dictionary nor a compressor makes it smaller.
fn record(random: &mut StdRng) -> Value {
    let mut text = || format!("{:032x}", random.random::<u128>());
    let properties = [
        "UserAgent",
        "RequestType",
        "ResultStatusDetail",
        "A",
        "B",
        "C",
    ];
    let list = properties.map(|name| json!({"Name": name, "Value": text() + &text()}));
    json!({
        "CreationTime": "2026-03-01T10:00:00", "Id": text(), "Operation": "UserLoggedIn", "RecordType": 15,
        "OrganizationId": text(), "Workload": "AzureActiveDirectory", "UserId": text() + "@contoso.example",
        "UserKey": text(), "ObjectId": text(), "ApplicationId": text(), "ErrorNumber": "0", "InterSystemsId": text(),
        "IntraSystemId": text(), "Actor": [{"ID": text(), "Type": 0}, {"ID": text(), "Type": 5}],
        "Target": [{"ID": text(), "Type": 0}], "ActorIpAddress": "203.0.113.7", "ExtendedProperties": list,
        "DeviceProperties": [{"Name": "SessionId", "Value": text()}, {"Name": "OS", "Value": text()}],
        "More": [text(), text(), text(), text(), text(), text(), text(), text()],
    })
}

#[test]
fn an_incompressible_hour_is_compacted_within_256_mib() {
    let folder = tempfile::tempdir().unwrap();
    let hour = folder.path().join(HOUR);
    fs::create_dir_all(&hour).unwrap();
    let mut random = StdRng::seed_from_u64(1);
    let options = Options::default();
    let context = Context {
        content_type: Some("Audit.AzureActiveDirectory"),
        content_created_ms: None,
        options: &options,
    };
    let mut written = 0;
    for object in 0..OBJECTS {
        let mut events = Vec::new();
        for _ in 0..EVENTS_PER_OBJECT {
            normalize::event(
                record(&mut random).to_string().as_bytes(),
                &context,
                &mut events,
            );
        }
        written += events.len();
        let compressed = zstd::encode_all(events.as_slice(), 1).unwrap();
        fs::write(hour.join(format!("{object}.ndjson.zst")), compressed).unwrap();
    }
    assert!(written > 6 * BUFFERED_BYTES_MAX, "{written} bytes");

    let value = TEMPLATE
        .lines()
        .skip_while(|line| *line != "  CompactorFunction:")
        .take_while(|line| !line.is_empty())
        .find_map(|line| line.trim().strip_prefix(ALLOCATOR)?.strip_prefix(": "));
    let measured = Command::new("python3")
        .args(["-c", MEASURE, env!("CARGO_BIN_EXE_ualstream"), "compact"])
        .args(["--now", "2026-03-01T13:00:00Z", "--lake"])
        .arg(folder.path())
        .env(ALLOCATOR, value.unwrap().trim_matches('"'))
        .output()
        .unwrap();
    assert!(measured.status.success(), "{}", text(&measured.stderr));
    let printed = text(&measured.stdout);
    let (report, peak) = printed.trim().rsplit_once('\n').unwrap();
    let report: Value = serde_json::from_str(report).unwrap();
    assert_eq!(report["events"], OBJECTS * EVENTS_PER_OBJECT);
    let peak: u64 = peak.parse().unwrap();
    assert!(peak <= PEAK_MAX, "{peak} KiB");
}
