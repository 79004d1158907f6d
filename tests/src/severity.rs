//! The severity tables, as docs/EVENTS.md shows them.

use crate::{Outcome, repo};

/// The document with the tables.
pub const DOCUMENT: &str = "docs/EVENTS.md";

/// The command that writes the tables into the document.
pub const COMMAND: &str = "cargo run -p tests --bin severity_tables";

const BEGIN: &str =
    "<!-- The tables below are written by: cargo run -p tests --bin severity_tables -->\n";
const END: &str = "<!-- End of the tables. -->\n";

/// Files in `shared/normalize/src/severity`, and what their subjects and fields are.
const TABLES: [(&str, &str); 9] = [
    (
        "cmdlets",
        "Cmdlets; fields are their parameters, and `<...>` is any noun of a kind in the next table",
    ),
    ("nouns", "Nouns of cmdlets, by kind"),
    (
        "mailbox",
        "Mailbox auditing; fields are the record's, `member` is the user a folder is shared with, `action` what a rule does",
    ),
    (
        "directory",
        "Entra directory; `activity` is the activity of the event, `changed` a property's name, `new value` the new value of \
         any property, `said` what the service says of what it did; any other field is a property, after the change or before",
    ),
    (
        "rights",
        "Rights granted in the Entra directory, by name or by the id that Microsoft gave them",
    ),
    ("sign_ins", "Failed sign-ins"),
    ("files", "Files, sites and sharing; fields are the record's"),
    ("findings", "Findings without a severity from their product"),
    ("applications", "Applications, Teams and Copilot"),
];

/// The document's text with the current tables.
///
/// # Errors
/// A table or the document cannot be read, or the document has no place for the tables.
pub fn document() -> Outcome<String> {
    let text = repo::read(DOCUMENT)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("no place for the tables")?;
    let (_, after) = rest.split_once(END).ok_or("no end of the tables")?;
    let mut tables = String::new();
    for (file, title) in TABLES {
        let path = format!("shared/normalize/src/severity/{file}.csv");
        let csv = repo::read(path)?;
        let mut rows = csv::Reader::from_reader(csv.as_bytes());
        let columns: Vec<_> = rows.headers()?.iter().map(str::to_owned).collect();
        let rule = "---|".repeat(columns.len());
        tables += &format!("\n{title}:\n\n| {} |\n|{rule}\n", columns.join(" | "));
        for row in rows.records() {
            let row = row?;
            let cells = row.iter().map(|cell| {
                cell.replace('|', ", ")
                    .replace('*', "\\*")
                    .replace('<', "&lt;")
            });
            tables += &format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
        }
    }
    Ok([before, BEGIN, &tables, "\n", END, after].concat())
}
