//! The rules that come with the program: the folder `rules/` of the repository.

use include_dir::{Dir, File, include_dir};

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

/// The built-in rules. None of them is refused: a test sees to it.
#[must_use]
pub fn builtin() -> Rules {
    let sources = builtin_sources();
    Rules::load(sources.iter().map(|of| (&*of.name, &*of.rules)))
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

fn collect<'f>(folder: &'f Dir<'_>, into: &mut Vec<&'f File<'f>>) {
    into.extend(folder.files());
    folder.dirs().for_each(|folder| collect(folder, into));
}
