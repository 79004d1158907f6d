//! How fast records are looked at: with all built-in rules, over the mix, with the prefilter and without.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use detections::{Detector, Exceptions, Record, Rules, builtin_sources};
use rsigma_eval::Engine;
use rsigma_parser::parse_sigma_yaml;

/// Always the same records.
const MIX_SEED: u64 = 1;

const MIX_RECORDS: usize = 10_000;

fn rules(c: &mut Criterion) {
    let mix = emulator::generator::records(MIX_SEED, MIX_RECORDS);
    let sources = builtin_sources();
    let rules = Arc::new(Rules::load(
        sources.iter().map(|of| (&*of.name, &*of.rules)),
    ));
    let mut group = c.benchmark_group("rules");
    group.throughput(Throughput::Elements(mix.len() as u64));
    group.sample_size(10);
    group.bench_function("read", |b| {
        b.iter(|| {
            mix.iter()
                .filter(|of| Record::read(of.as_bytes()).is_ok())
                .count()
        });
    });
    group.bench_function("prefilter", |b| {
        b.iter(|| {
            let records = mix.iter().filter_map(|of| Record::read(of.as_bytes()).ok());
            let matches = records.map(|record| rules.matches(&record).len());
            black_box(matches.sum::<usize>())
        });
    });
    let mut engine = Engine::new();
    for source in &sources {
        if let Ok(parsed) = parse_sigma_yaml(&source.rules) {
            engine.add_rules(&parsed.rules);
        }
    }
    group.bench_function("without", |b| {
        b.iter(|| {
            let records = mix.iter().filter_map(|of| Record::read(of.as_bytes()).ok());
            black_box(
                records
                    .map(|record| engine.evaluate(&record).len())
                    .sum::<usize>(),
            )
        });
    });
    group.bench_function("detector", |b| {
        b.iter(|| {
            let mut detector = Detector::new(Arc::clone(&rules), Exceptions::default());
            mix.iter()
                .map(|of| detector.read(of.as_bytes()).len())
                .sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, rules);
criterion_main!(benches);
