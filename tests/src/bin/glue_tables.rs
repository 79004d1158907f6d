//! `cargo glue-tables`: writes glue-tables.yaml.

use tests::{Outcome, glue_tables, repo};

fn main() -> Outcome<()> {
    std::fs::write(
        repo::root().join(glue_tables::FILE),
        glue_tables::template()?,
    )?;
    Ok(())
}
