//! Arrows between the modules of a crate: a module only names modules below its own, and no two files name each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tests::repo;

/// The top-level modules of each crate, from top to bottom.
#[rustfmt::skip]
const WINGS: [(&str, &[&str]); 7] = [
    (
        "shared/normalize/src",
        &["batch", "engine", "outcome", "options", "ecs", "project", "redact", "mapping", "severity", "rules", "ocsf", "record", "json", "version"],
    ),
    (
        "shared/detections/src",
        &["fixtures", "detector", "exceptions", "look", "windows", "seen", "finding", "builtin", "rules", "record", "places"],
    ),
    (
        "shared/columnar/src",
        &["parts", "lines", "encode", "shred", "unmapped", "schema", "buffer", "event", "json", "columns"],
    ),
    (
        "shared/office365/src",
        &["api", "auth", "transport", "names", "teeth"],
    ),
    (
        "shared/pipeline/src",
        &["wiring", "verbs", "response", "replay", "certificate", "settings", "microsoft", "logging", "store", "content", "clock", "backoff", "aws", "metrics", "teeth"],
    ),
    (
        "emulator/src",
        &["emulator", "server", "login", "control", "api", "publish", "webhook", "message", "world", "generator", "rng", "config", "operation", "story", "content_type", "clock"],
    ),
    (
        "local/src",
        &["cli", "commands", "verify", "story", "signals", "record_file", "rule_folder", "place_files", "installation", "wall_clock", "backends", "arguments", "api_client"],
    ),
];

/// A module's path in its crate. The path of the crate's root is empty.
type Module = Vec<String>;

/// For each module, the modules that it names.
type Arrows = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn arrows_between_wings_run_one_way() {
    let mut faults = Vec::new();
    for (folder, wings) in WINGS {
        for (from, targets) in arrows(folder) {
            let Some(wing) = from.first() else { continue };
            let Some(place) = wings.iter().position(|known| known == wing) else {
                faults.push(format!("{folder}: {wing} has no place among the wings"));
                continue;
            };
            let up = targets.iter().filter(|target| match target.first() {
                Some(other) => wings.iter().position(|known| known == other) < Some(place),
                None => true,
            });
            faults.extend(up.map(|target| {
                let target = if target.is_empty() {
                    "the crate's root".to_owned()
                } else {
                    target.join("::")
                };
                format!("{folder}: {} must not name {target}", from.join("::"))
            }));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    let mut faults = Vec::new();
    for (folder, _) in WINGS {
        if let Some(circle) = circle(&arrows(folder)) {
            let names: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            faults.push(format!("{folder}: {}", names.join(" -> ")));
        }
    }
    assert!(faults.is_empty(), "circles:\n{}", faults.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let module = |name: &str| vec![name.to_owned()];
    let arrow =
        |from: &str, to: &[&str]| (module(from), to.iter().map(|name| module(name)).collect());
    let straight: Arrows = [arrow("a", &["b", "c"]), arrow("b", &["c"]), arrow("c", &[])].into();
    assert_eq!(circle(&straight), None);
    let round: Arrows = [arrow("a", &["b"]), arrow("b", &["c"]), arrow("c", &["b"])].into();
    assert_eq!(
        circle(&round),
        Some(vec![module("b"), module("c"), module("b")])
    );
}

#[test]
fn paths_are_found_in_source() {
    let check = |text: &str, expect: &[&str]| {
        let own = ["own".to_owned(), "deep".to_owned()];
        let found: Vec<_> = paths(text, &own)
            .iter()
            .map(|path| path.join("::"))
            .collect();
        assert_eq!(found, expect, "{text}");
    };
    check(
        "use crate::a::{self, b::{C, d}, E};",
        &["a::self", "a::b::C", "a::b::d", "a::E"],
    );
    check(
        "use super::b::C;\nlet x = super::super::d();",
        &["own::b::C", "d"],
    );
    check("pub(crate) use child::X;", &["own::deep::child::X"]);
    check("// crate::a\nuse std::fmt;", &["own::deep::std::fmt"]);
    check(
        "use crate::a;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}",
        &["a"],
    );
}

/// Reads which module names which, from the files in a folder.
fn arrows(folder: &str) -> Arrows {
    let files = repo::files().unwrap().into_iter().filter_map(|path| {
        let inside = path.strip_prefix(folder).ok()?.to_owned();
        // Binaries and test files may name everything.
        let is_above = inside.starts_with("bin")
            || inside.ends_with("main.rs")
            || inside
                .iter()
                .any(|part| part == "tests" || part == "tests.rs");
        (inside.extension()? == "rs" && !is_above).then_some((module(&inside), path))
    });
    let files: BTreeMap<_, _> = files.collect();
    assert!(files.len() > 1, "{folder}: is this the whole checkout?");
    let mut arrows = Arrows::new();
    for (own, path) in &files {
        let text = repo::read(path).unwrap();
        let named = paths(&text, own).into_iter().filter_map(|path| {
            // A path that is not a module names an item in one.
            (0..=path.len())
                .rev()
                .map(|length| path[..length].to_vec())
                .find(|known| files.contains_key(known))
        });
        let others = named.filter(|target| target != own).collect();
        arrows.insert(own.clone(), others);
    }
    arrows
}

fn module(path: &Path) -> Module {
    let names = path.with_extension("");
    let names: Module = names
        .iter()
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    if names == ["lib"] {
        Module::new()
    } else {
        names
    }
}

/// The paths that begin with `crate` or `super`, and those in `use`, relative to the crate's root. Tests and comments
/// are skipped.
fn paths(text: &str, own: &[String]) -> Vec<Module> {
    let code = text
        .split("\n#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default();
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(|char: char| char.is_ascii_lowercase()) {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        // `pub(in crate::x)` is a visibility and names nothing.
        let is_visibility = code[..at].ends_with("(in ");
        if is_visibility || before.is_alphanumeric() || matches!(before, '_' | ':') {
            continue;
        }
        let rest = &code[at..];
        if let Some(path) = rest.strip_prefix("crate::") {
            tree(path, &mut Vec::new(), &mut found);
        } else if rest.starts_with("super::") {
            let ups = rest
                .split("super::")
                .take_while(|between| between.is_empty())
                .count();
            let mut base = own[..own.len().saturating_sub(ups)].to_vec();
            tree(&rest["super::".len() * ups..], &mut base, &mut found);
        } else if let Some(path) = rest.strip_prefix("use ")
            && !path.starts_with("crate::")
            && !path.starts_with("super::")
        {
            tree(path, &mut own.to_vec(), &mut found);
        }
    }
    found
}

/// Parses `a::{b::C, d}` below `base`. Returns the length of the text it read.
fn tree(text: &str, base: &mut Module, found: &mut Vec<Module>) -> usize {
    let end = text
        .find(|char: char| !(char.is_alphanumeric() || char == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let depth = base.len();
    let mut taken = end;
    if !name.is_empty() {
        base.push(name.to_owned());
    }
    if let Some(inner) = rest.strip_prefix("::") {
        taken += 2 + tree(inner, base, found);
    } else if name.is_empty() && text.starts_with('{') {
        taken += 1;
        while let Some(next) = text[taken..].chars().next() {
            match next {
                '}' => {
                    taken += 1;
                    break;
                }
                ',' | ' ' | '\n' => taken += 1,
                _ => taken += tree(&text[taken..], base, found).max(1),
            }
        }
    } else {
        found.push(base.clone());
    }
    base.truncate(depth);
    taken
}

/// A circle of modules, if there is one: a path from a module back to itself.
fn circle(arrows: &Arrows) -> Option<Vec<Module>> {
    fn walk(
        at: &Module,
        arrows: &Arrows,
        way: &mut Vec<Module>,
        done: &mut BTreeSet<Module>,
    ) -> Option<Vec<Module>> {
        if let Some(place) = way.iter().position(|known| known == at) {
            let mut circle = way[place..].to_vec();
            circle.push(at.clone());
            return Some(circle);
        }
        if done.contains(at) {
            return None;
        }
        way.push(at.clone());
        let found = arrows
            .get(at)
            .into_iter()
            .flatten()
            .find_map(|next| walk(next, arrows, way, done));
        way.pop();
        done.insert(at.clone());
        found
    }
    let mut done = BTreeSet::new();
    arrows
        .keys()
        .find_map(|module| walk(module, arrows, &mut Vec::new(), &mut done))
}
