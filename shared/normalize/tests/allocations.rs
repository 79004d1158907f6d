//! How often a record's way to its event asks for memory. A binary of its own: it counts for the whole process.
//!
//! Unlike a time, a count is the same on every machine, so it can be held by a test.

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[path = "it/further_records.rs"]
mod further_records;

/// For a sign-in, the commonest record of most tenants, reading it among them.
const SIGN_IN_MAX: u64 = 12;

/// For any other fixture: what is listed (files, rights, rules) is observed one by one.
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
    // As in the fetcher, whose buffer has grown with the events before.
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
    ];
    for (records, each_max) in families {
        for record in records.lines() {
            // Tables are read when they are first needed, once in a process.
            allocations(record);
            let count = allocations(record);
            assert!(count <= each_max, "{count}: {record}");
        }
    }
}

/// Those of the further records, one a line.
fn further_sign_ins() -> String {
    let records = further_records::further_records("allocations").into_iter();
    let sign_ins = records.map(|(record, _)| record).filter(|record| {
        serde_json::from_str::<serde_json::Value>(record)
            .is_ok_and(|record| record["RecordType"] == 15)
    });
    sign_ins.fold(String::new(), |found, record| found + &record + "\n")
}
