//! Records to events on one core: parse, map and write; and parsing alone, compared with a parser based on serde.
//!
//! `cargo bench -p normalize`. The mix of records comes from the emulator. The repository's fixtures are measured too,
//! and further records if a folder of them is given.

#[path = "../../tests/it/further_records.rs"]
mod further_records;
mod serde_reader;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use normalize::{Batch, Context, OcsfVersion, Options, Schema, event, identify};
use std::hint::black_box;

/// Records in the mix.
const MIX_RECORDS: usize = 600;
const MIX_SEED: u64 = 1;

/// A sign-in in the form that Entra has written since 2023; the most frequent record of most tenants.
const SIGN_IN: &str = r#"{"CreationTime":"2026-03-01T10:00:00","Id":"5b06dd0a-6f1f-4ee8-9f0c-5d0a3a6b1a00","Operation":"UserLoggedIn","OrganizationId":"11111111-2222-4333-8444-555555555555","RecordType":15,"ResultStatus":"Success","UserKey":"755e500a-6c03-46b0-b53b-282f23374e3b","UserType":0,"Version":1,"Workload":"AzureActiveDirectory","ClientIP":"198.51.100.7","ObjectId":"00000002-0000-0ff1-ce00-000000000000","UserId":"alex@contoso.example","AzureActiveDirectoryEventType":1,"ExtendedProperties":[{"Name":"ResultStatusDetail","Value":"Redirect"},{"Name":"UserAgent","Value":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"},{"Name":"RequestType","Value":"OAuth2:Authorize"}],"ModifiedProperties":[],"Actor":[{"ID":"755e500a-6c03-46b0-b53b-282f23374e3b","Type":0},{"ID":"alex@contoso.example","Type":5}],"ActorContextId":"11111111-2222-4333-8444-555555555555","ActorIpAddress":"198.51.100.7","InterSystemsId":"7c9d1b1e-4c7b-4f5a-9a53-0e6c7d3f9a11","IntraSystemId":"5b06dd0a-6f1f-4ee8-9f0c-5d0a3a6b1a00","SupportTicketId":"","Target":[{"ID":"00000002-0000-0ff1-ce00-000000000000","Type":0}],"TargetContextId":"11111111-2222-4333-8444-555555555555","ApplicationId":"5e3ce6c0-2b1f-4285-8d4b-75ee78787346","DeviceProperties":[{"Name":"OS","Value":"Windows10"},{"Name":"BrowserType","Value":"Chrome"},{"Name":"IsCompliantAndManaged","Value":"False"},{"Name":"SessionId","Value":"0f8bfb5a-6a0f-4a34-b7c7-0d7f3a3f6c22"}],"ErrorNumber":"0"}"#;

/// The raw records among the repository's fixtures.
fn fixtures() -> Vec<String> {
    let pairs = include_str!("../../tests/fixtures/golden.ndjson").lines();
    let raw = pairs.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    raw.map(|pair| pair["raw"].to_string()).collect()
}

/// Records of one family from the mix.
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
    let (mix, fixtures) = (
        emulator::generator::records(MIX_SEED, MIX_RECORDS),
        fixtures(),
    );
    measure(criterion, "mix", &mix);
    measure(criterion, "fixtures", &fixtures);
    let further = further_records::further_records("bench").into_iter();
    let further: Vec<String> = further.map(|(record, _)| record).collect();
    measure(criterion, "further", &further);
    measure(criterion, "sign-in", &[SIGN_IN.to_owned()]);
    measure(criterion, "directory", &family(&fixtures, &[8]));
    measure(criterion, "cmdlet", &family(&fixtures, &[1]));
    measure(criterion, "mailbox", &family(&fixtures, &[2, 3, 50]));
    measure(criterion, "file", &family(&fixtures, &[6]));
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

fn reading(criterion: &mut Criterion) {
    let mix = emulator::generator::records(MIX_SEED, MIX_RECORDS);
    let bytes = mix.iter().map(String::len).sum();
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(mix.len() as u64));
    group.bench_function("jiter", |bencher| {
        let mut batch = Batch::default();
        bencher.iter(|| {
            batch.begin(bytes);
            mix.iter()
                .filter(|record| batch.read(record.as_bytes()).is_ok())
                .count()
        });
    });
    group.bench_function("serde_json", |bencher| {
        let mut nodes = Vec::new();
        bencher.iter(|| {
            nodes.clear();
            let mut read = 0;
            for record in &mix {
                let mut json = serde_json::Deserializer::from_str(record);
                let is_read = serde_reader::read(&mut json, &mut nodes).is_ok();
                read += usize::from(is_read && json.end().is_ok());
            }
            read
        });
    });
    group.finish();
}

fn blobs(criterion: &mut Criterion) {
    let mix = emulator::generator::records(MIX_SEED, MIX_RECORDS);
    let blob = Bytes::from(format!("[{}]", mix.join(",")));
    let mut group = criterion.benchmark_group("blob");
    group.throughput(Throughput::Bytes(blob.len() as u64));
    group.bench_function("split", |bencher| {
        bencher.iter(|| records::split(black_box(&blob)).map(|records| records.len()));
    });
    group.throughput(Throughput::Elements(1));
    group.bench_function("identify", |bencher| {
        bencher.iter(|| identify(black_box(SIGN_IN.as_bytes())).is_ok());
    });
    group.finish();
}

criterion_group!(benches, events, reading, blobs);
criterion_main!(benches);
