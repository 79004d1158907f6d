//! How many allocations it takes to turn a record into an event. A test binary of its own, because it counts for the
//! whole process.
//!
//! Unlike a time, the count is the same on every machine, so a test can limit it.

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[path = "it/further_records.rs"]
mod further_records;

/// For a sign-in, the most frequent record of most tenants, parsing included.
const SIGN_IN_MAX: u64 = 12;

/// For any other fixture: each listed item (files, rights, rules) adds an observable.
const ANY_MAX: u64 = 40;

#[test]
fn an_event_takes_few_allocations() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let options = normalize::Options::default();
    let context = normalize::Context {
        content_type: Some("Audit.General"),
        content_created_ms: None,
        options: &options,
    };
    // As in the fetcher, whose buffer has grown with earlier events.
    let mut out = Vec::with_capacity(64 * 1024 * 1024);
    let mut allocations = |record: &str| {
        let before = dhat::HeapStats::get().total_blocks;
        normalize::event(record.as_bytes(), &context, &mut out);
        dhat::HeapStats::get().total_blocks - before
    };
    let families = [
        (include_str!("fixtures/records/signins.ndjson"), SIGN_IN_MAX),
        (&further_sign_ins(), SIGN_IN_MAX),
        (include_str!("fixtures/records/mailbox.ndjson"), ANY_MAX),
        (
            include_str!("fixtures/records/entra_rights.ndjson"),
            ANY_MAX,
        ),
        (
            include_str!("fixtures/records/sharepoint_files.ndjson"),
            ANY_MAX,
        ),
        (include_str!("fixtures/records/dlp.ndjson"), ANY_MAX),
        (include_str!("fixtures/records/computers.ndjson"), ANY_MAX),
    ];
    for (records, each_max) in families {
        for record in records.lines() {
            // The first record of a kind also loads the tables, once per process.
            allocations(record);
            let count = allocations(record);
            assert!(count <= each_max, "{count}: {record}");
        }
    }
}

/// The sign-ins among the further records, one per line.
fn further_sign_ins() -> String {
    let records = further_records::further_records("allocations").into_iter();
    let sign_ins = records.map(|(record, _)| record).filter(|record| {
        serde_json::from_str::<serde_json::Value>(record)
            .is_ok_and(|record| record["RecordType"] == 15)
    });
    sign_ins.fold(String::new(), |found, record| found + &record + "\n")
}
