//! Inputs that fuzzing found worth keeping: each covers code that the others do not, or failed once.

use crate::{any_input, findings_in_any_version};
use std::path::Path;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/event");

#[test]
fn every_input_becomes_a_valid_event_that_loses_nothing() {
    let files = std::fs::read_dir(Path::new(CORPUS)).expect("the corpus");
    let (mut count, mut wrong) = (0, Vec::new());
    for path in files.map(|file| file.expect("a file").path()) {
        let input = std::fs::read(&path).expect("an input");
        let mut findings = findings_in_any_version(&input);
        findings.extend(any_input::findings(&input));
        if !findings.is_empty() {
            wrong.push(format!("{}: {}", path.display(), findings.join("; ")));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count} inputs");
}
