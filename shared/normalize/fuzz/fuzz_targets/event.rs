//! Any bytes become one valid event that loses nothing of the record, with the same result each time.
//!
//! The checks are those of the crate's own tests, compiled in from there.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/any_input.rs"]
mod any_input;
#[path = "../../tests/it/lossless.rs"]
mod lossless;
#[path = "../../tests/it/schema.rs"]
mod schema;

fuzz_target!(|record: &[u8]| {
    assert_eq!(any_input::findings(record), Vec::<String>::new());
});
