//! The tables of severities as docs/EVENTS.md shows them.

use crate::{Outcome, repo};

/// The document.
pub const DOCUMENT: &str = "docs/EVENTS.md";

/// The command that writes the tables into the document.
pub const COMMAND: &str = "cargo run -p tests --bin severity_tables";

const BEGIN: &str =
    "<!-- The tables below are written by: cargo run -p tests --bin severity_tables -->\n";
const END: &str = "<!-- End of the tables. -->\n";

/// Files of `shared/normalize/src/severity`, and what their subjects and fields are.
const TABLES: [(&str, &str); 8] = [
    ("cmdlets", "Cmdlets; fields are their parameters"),
    (
        "mailbox",
        "Mailbox auditing; fields are the record's, `member` is whom a folder is opened to",
    ),
    (
        "directory",
        "Entra directory; `activity` is the event's own",
    ),
    ("rights", "Rights that are given in the Entra directory"),
    ("sign_ins", "Sign-ins that failed"),
    ("files", "Files, sites and sharing; fields are the record's"),
    ("findings", "Findings whose product states no severity"),
    ("applications", "Applications, Teams and Copilot"),
];

/// The document's text with the tables as they are now.
///
/// # Errors
/// A table or the document cannot be read, or the document has no place for the tables.
pub fn document() -> Outcome<String> {
    let text = repo::read(DOCUMENT)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("no place for the tables")?;
    let (_, after) = rest.split_once(END).ok_or("no end of the tables")?;
    let mut tables = String::new();
    for (file, title) in TABLES {
        tables += &format!(
            "\n{title}:\n\n| subject | field | values | severity | why |\n|---|---|---|---|---|\n"
        );
        let path = format!("shared/normalize/src/severity/{file}.csv");
        let csv = repo::read(path)?;
        for row in csv::Reader::from_reader(csv.as_bytes()).records() {
            let row = row?;
            let cells = row
                .iter()
                .map(|cell| cell.replace('|', ", ").replace('*', "\\*"));
            tables += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        }
    }
    Ok([before, BEGIN, &tables, "\n", END, after].concat())
}
