//! Nouns of cmdlets by what they stand for, so that one line of a table rates a verb of all of them.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The nouns of each kind.
struct Nouns(HashMap<String, Vec<String>>);

static NOUNS: LazyLock<Nouns> = LazyLock::new(|| {
    // A test reads the file, so the default is never used in a release.
    Nouns(read(FILE).unwrap_or_default())
});

const FILE: &str = include_str!("nouns.csv");

/// A line of the file. `why` is only for the reader.
#[derive(Debug, serde::Deserialize)]
struct Written {
    noun: String,
    kind: String,
    #[serde(rename = "why")]
    _why: String,
}

fn read(text: &str) -> Result<HashMap<String, Vec<String>>, csv::Error> {
    let mut kinds: HashMap<String, Vec<String>> = HashMap::new();
    for written in csv::Reader::from_reader(text.as_bytes()).into_deserialize() {
        let Written { noun, kind, .. } = written?;
        kinds.entry(kind).or_default().push(noun);
    }
    Ok(kinds)
}

/// The nouns of a kind, if there are any.
pub(super) fn of_kind(kind: &str) -> Option<Vec<&'static str>> {
    let nouns = NOUNS.0.get(kind)?;
    Some(nouns.iter().map(String::as_str).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_noun_has_one_kind() {
        let kinds = read(FILE).unwrap();
        let mut nouns: Vec<_> = kinds.values().flatten().collect();
        nouns.sort();
        let all = nouns.len();
        nouns.dedup();
        assert_eq!(nouns.len(), all);
        assert!(all > 80, "{all}");
    }

    #[test]
    fn nouns_are_found_by_their_kind() {
        assert!(of_kind("auditing").unwrap().contains(&"AuditConfig"));
        assert_eq!(of_kind("colour"), None);
    }
}
