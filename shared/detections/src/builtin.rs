//! The rules that come with the program: the folder `rules/` of the repository.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use include_dir::{Dir, File, include_dir};
use rsigma_parser::parse_sigma_yaml;

use crate::rules::Rules;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../rules");

/// A file of rules, with the fixtures beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, for messages.
    pub name: String,
    /// The Sigma documents, in YAML.
    pub rules: String,
    /// The JSON of `<name>.fixtures.json`, when there is one.
    pub fixtures: Option<String>,
}

static COMPILED: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let sources = builtin_sources();
    let files = sources.iter().map(|of| (&*of.name, &*of.rules));
    Arc::new(Rules::load(files))
});

/// The built-in rules, compiled once in a process. None of them is refused: a test sees to it.
#[must_use]
pub fn builtin() -> Arc<Rules> {
    Arc::clone(&COMPILED)
}

/// The files of the built-in rules, by path.
#[must_use]
pub fn builtin_sources() -> Vec<Source> {
    let mut files = Vec::new();
    collect(&FOLDER, &mut files);
    let mut sources: Vec<Source> = files
        .into_iter()
        .filter(|file| file.path().extension().is_some_and(|end| end == "yml"))
        .filter_map(|file| {
            let fixtures = file.path().with_extension("fixtures.json");
            let fixtures = FOLDER.get_file(fixtures).and_then(File::contents_utf8);
            Some(Source {
                name: file.path().display().to_string(),
                rules: file.contents_utf8()?.to_owned(),
                fixtures: fixtures.map(str::to_owned),
            })
        })
        .collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

/// The titles of the built-in rules, by their ids: those that only correlations use are among them. The rules are parsed for it and
/// not compiled, so that whoever only names rules needs no engine.
#[must_use]
pub fn builtin_titles() -> BTreeMap<String, String> {
    let mut titles = BTreeMap::new();
    for source in builtin_sources() {
        let Ok(parsed) = parse_sigma_yaml(&source.rules) else {
            continue;
        };
        let rules = parsed.rules.into_iter().map(|of| (of.id, of.title));
        let correlations = parsed.correlations.into_iter().map(|of| (of.id, of.title));
        let named = rules.chain(correlations);
        titles.extend(named.filter_map(|(id, title)| Some((id?, title))));
    }
    titles
}

/// The text of a built-in rule's file, by its path.
#[must_use]
pub fn builtin_text(file: &str) -> Option<&'static str> {
    let file = FOLDER.get_file(file)?;
    let is_rule = file.path().extension().is_some_and(|end| end == "yml");
    file.contents_utf8().filter(|_| is_rule)
}

fn collect<'f>(folder: &'f Dir<'_>, into: &mut Vec<&'f File<'f>>) {
    into.extend(folder.files());
    folder.dirs().for_each(|folder| collect(folder, into));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_rule_has_its_title_without_the_engine() {
        let titles = builtin_titles();
        for rule in builtin().about() {
            assert_eq!(titles.get(&rule.id), Some(&rule.title));
        }
    }
}
