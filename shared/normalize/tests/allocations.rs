//! How often a record's way to its event asks for memory. A binary of its own: it counts for the whole process.
//!
//! Unlike a time, a count is the same on every machine, so it can be held by a test.

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Allocations for nine of ten sign-ins, the commonest record of most tenants. Addresses that are written in an unusual way
/// take a few more.
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
    for (records, most_max) in families {
        let mut counts: Vec<u64> = records.lines().map(&mut allocations).collect();
        counts.sort_unstable();
        let (most, last) = (counts[counts.len() * 9 / 10], counts[counts.len() - 1]);
        assert!(most <= most_max, "{counts:?}");
        assert!(last <= ANY_MAX, "{counts:?}");
    }
}
