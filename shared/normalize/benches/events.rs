//! Records to events: parse, map and write, one core.
//!
//! `cargo bench -p normalize`. The mix is the repository's own examples, and the samples beside it where they are.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use normalize::{Context, OcsfVersion, Options, Schema, event, identify, split};
use std::hint::black_box;
use std::path::Path;

const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/samples");

/// A sign-in of the shape that Entra writes since 2023; most tenants' commonest record.
const SIGN_IN: &str = r#"{"CreationTime":"2026-03-01T10:00:00","Id":"5b06dd0a-6f1f-4ee8-9f0c-5d0a3a6b1a00","Operation":"UserLoggedIn","OrganizationId":"11111111-2222-4333-8444-555555555555","RecordType":15,"ResultStatus":"Success","UserKey":"755e500a-6c03-46b0-b53b-282f23374e3b","UserType":0,"Version":1,"Workload":"AzureActiveDirectory","ClientIP":"198.51.100.7","ObjectId":"00000002-0000-0ff1-ce00-000000000000","UserId":"alex@contoso.example","AzureActiveDirectoryEventType":1,"ExtendedProperties":[{"Name":"ResultStatusDetail","Value":"Redirect"},{"Name":"UserAgent","Value":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"},{"Name":"RequestType","Value":"OAuth2:Authorize"}],"ModifiedProperties":[],"Actor":[{"ID":"755e500a-6c03-46b0-b53b-282f23374e3b","Type":0},{"ID":"alex@contoso.example","Type":5}],"ActorContextId":"11111111-2222-4333-8444-555555555555","ActorIpAddress":"198.51.100.7","InterSystemsId":"7c9d1b1e-4c7b-4f5a-9a53-0e6c7d3f9a11","IntraSystemId":"5b06dd0a-6f1f-4ee8-9f0c-5d0a3a6b1a00","SupportTicketId":"","Target":[{"ID":"00000002-0000-0ff1-ce00-000000000000","Type":0}],"TargetContextId":"11111111-2222-4333-8444-555555555555","ApplicationId":"5e3ce6c0-2b1f-4285-8d4b-75ee78787346","DeviceProperties":[{"Name":"OS","Value":"Windows10"},{"Name":"BrowserType","Value":"Chrome"},{"Name":"IsCompliantAndManaged","Value":"False"},{"Name":"SessionId","Value":"0f8bfb5a-6a0f-4a34-b7c7-0d7f3a3f6c22"}],"ErrorNumber":"0"}"#;

/// The examples in the repository: raw records, one each.
fn fixtures() -> Vec<String> {
    let pairs = include_str!("../tests/fixtures/golden.ndjson").lines();
    let raw = pairs.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    raw.map(|pair| pair["raw"].to_string()).collect()
}

/// The samples beside the repository; the fixtures where there are none.
fn mix() -> Vec<String> {
    let files = [
        "elastic_beats_o365",
        "sekoia_intake_formats_o365",
        "pnp_m365_analytics_insights",
        "SYNTHETIC_from_docs",
    ];
    let texts = files.iter().filter_map(|name| {
        std::fs::read_to_string(Path::new(SAMPLES).join(name).with_extension("ndjson")).ok()
    });
    let lines: Vec<String> = texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    if lines.is_empty() { fixtures() } else { lines }
}

/// Records of one family out of the mix.
fn family(records: &[String], record_types: &[u32]) -> Vec<String> {
    let of = |record: &&String| {
        let parsed: Option<serde_json::Value> = serde_json::from_str(record).ok();
        parsed
            .and_then(|record| record["RecordType"].as_u64())
            .is_some_and(|number| record_types.contains(&(number as u32)))
    };
    records.iter().filter(of).cloned().collect()
}

fn measure(criterion: &mut Criterion, name: &str, records: &[String]) {
    measure_with(&Options::default(), criterion, name, records);
}

fn measure_with(options: &Options, criterion: &mut Criterion, name: &str, records: &[String]) {
    if records.is_empty() {
        return;
    }
    let context = Context {
        content_type: Some("Audit.General"),
        content_created_ms: None,
        options,
    };
    let mut out = Vec::new();
    let mut group = criterion.benchmark_group("event");
    let bytes: usize = records.iter().map(String::len).sum();
    for (unit, throughput) in [
        ("records", Throughput::Elements(records.len() as u64)),
        ("bytes", Throughput::Bytes(bytes as u64)),
    ] {
        group.throughput(throughput);
        group.bench_function(format!("{name}/{unit}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                for record in records {
                    event(record.as_bytes(), &context, &mut out);
                }
                black_box(out.len())
            });
        });
    }
    group.finish();
}

fn events(criterion: &mut Criterion) {
    let mix = mix();
    measure(criterion, "mix", &mix);
    measure(criterion, "fixtures", &fixtures());
    measure(criterion, "sign-in", &[SIGN_IN.to_owned()]);
    measure(criterion, "directory", &family(&mix, &[8]));
    measure(criterion, "cmdlet", &family(&mix, &[1]));
    measure(criterion, "mailbox", &family(&mix, &[2, 3, 50]));
    measure(criterion, "file", &family(&mix, &[6]));
    let oldest = Options {
        version: OcsfVersion::V1_1,
        ..Options::default()
    };
    measure_with(&oldest, criterion, "mix as 1.1.0", &mix);
    let ecs = Options {
        schema: Schema::Ecs,
        ..Options::default()
    };
    measure_with(&ecs, criterion, "mix as ecs", &mix);
}

fn blobs(criterion: &mut Criterion) {
    let blob = format!("[{}]", mix().join(","));
    let mut group = criterion.benchmark_group("blob");
    group.throughput(Throughput::Bytes(blob.len() as u64));
    group.bench_function("split", |bencher| {
        bencher.iter(|| split(black_box(blob.as_bytes())).map(|records| records.len()));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("identify", |bencher| {
        bencher.iter(|| identify(black_box(SIGN_IN.as_bytes())).is_ok());
    });
    group.finish();
}

criterion_group!(benches, events, blobs);
criterion_main!(benches);
