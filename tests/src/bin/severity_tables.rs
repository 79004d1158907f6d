//! Writes the severity tables into docs/EVENTS.md.
//!
//! ```sh
//! cargo run -p tests --bin severity_tables
//! ```

use tests::{Outcome, repo, severity};

fn main() -> Outcome<()> {
    let text = severity::document()?;
    std::fs::write(repo::root().join(severity::DOCUMENT), text)?;
    Ok(())
}
