//! The files below `assets/`, by the path that a browser asks for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

/// Bytes of the hash that an ETag shows: two versions of a file never share them.
const ETAG_BYTES: usize = 16;

/// A file of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The file as it is, not compressed.
    pub bytes: &'static [u8],
    /// The header `ETag` with its quotation marks: it changes when the bytes do.
    pub etag: &'static str,
}

/// What is served.
#[derive(Debug)]
struct Stored {
    content_type: &'static str,
    bytes: &'static [u8],
    etag: String,
}

/// Each file with its path below `/assets/`.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../assets/", $name)).as_slice())),*]
    };
}

static FILES: LazyLock<BTreeMap<&'static str, Stored>> = LazyLock::new(|| {
    let files = files![
        "app.js",
        "favicon.svg",
        "index.html",
        "parts/api.js",
        "parts/charts.js",
        "parts/filters.js",
        "parts/html.js",
        "parts/live.js",
        "parts/route.js",
        "parts/rows.js",
        "parts/ui.js",
        "parts/words.js",
        "style.css",
        "vendor/NOTICE.txt",
        "vendor/hooks.js",
        "vendor/htm.js",
        "vendor/preact.js",
        "views/add.js",
        "views/audit_log.js",
        "views/event.js",
        "views/findings/exception_form.js",
        "views/findings/exceptions.js",
        "views/findings/finding.js",
        "views/findings/list.js",
        "views/findings/listing.js",
        "views/findings/story.js",
        "views/findings/triage.js",
        "views/keys.js",
        "views/overview.js",
        "views/settings.js",
        "views/sign_in.js",
        "views/status.js",
        "views/steps.js",
        "views/tenant.js",
        "views/timeline.js",
    ];
    let stored = files.into_iter().map(|(name, bytes)| {
        let hash = hex::encode(Sha256::digest(bytes).get(..ETAG_BYTES).unwrap_or_default());
        let stored = Stored {
            content_type: content_type(name),
            bytes,
            etag: format!("\"{hash}\""),
        };
        (name, stored)
    });
    stored.collect()
});

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    }
}

/// The file at a path, such as `/` or `/assets/style.css`. Which view the shell shows stands behind the `#`, which no server
/// sees.
#[must_use]
pub fn asset(path: &str) -> Option<Asset> {
    let name = match path {
        "/" => "index.html",
        _ => path.strip_prefix("/assets/")?,
    };
    let stored = FILES.get(name)?;
    Some(Asset {
        content_type: stored.content_type,
        bytes: stored.bytes,
        etag: &stored.etag,
    })
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    /// Most bytes of all that the first view needs, not compressed: so it is fast without a server that compresses.
    const FIRST_LOAD_BYTES_MAX: usize = 150 * 1024;

    /// Ways to turn text into markup or code. What comes from outside is shown as text alone.
    const FORBIDDEN: [&str; 9] = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "srcdoc",
        "style=",
        "javascript:",
    ];

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("assets")
    }

    fn names(below: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                names.extend(self::names(&path));
            } else {
                let name = path.strip_prefix(folder()).unwrap();
                names.push(name.to_str().unwrap().to_owned());
            }
        }
        names.sort();
        names
    }

    fn text(name: &str) -> &'static str {
        std::str::from_utf8(FILES[name].bytes).unwrap()
    }

    /// The modules and files that a file names.
    fn named(name: &str) -> Vec<String> {
        let folder = Path::new(name).parent().unwrap();
        let quoted = text(name).split('"').skip(1).step_by(2);
        let named = quoted.filter_map(|quoted| {
            if let Some(rest) = quoted.strip_prefix("/assets/") {
                return Some(PathBuf::from(rest));
            }
            let is_module = quoted.starts_with("./") || quoted.starts_with("../");
            is_module.then(|| {
                let mut path = folder.to_owned();
                for part in quoted.split('/') {
                    match part {
                        "." => {}
                        ".." => assert!(path.pop(), "{name}: {quoted}"),
                        part => path.push(part),
                    }
                }
                path
            })
        });
        named
            .map(|path| path.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_file_of_the_folder_is_served() {
        let served: Vec<String> = FILES.keys().map(ToString::to_string).collect();
        assert_eq!(served, names(&folder()));
    }

    #[test]
    fn the_shell_is_at_the_root() {
        let shell = asset("/").unwrap();
        assert_eq!(shell.content_type, "text/html; charset=utf-8");
        assert_eq!(Some(shell), asset("/assets/index.html"));
        assert!(
            asset("/assets/app.js")
                .unwrap()
                .content_type
                .starts_with("text/javascript")
        );
    }

    #[test]
    fn other_paths_are_nothing() {
        for path in [
            "",
            "/index.html",
            "/assets",
            "/assets/",
            "/assets/../src/lib.rs",
            "/assets//app.js",
        ] {
            assert_eq!(asset(path), None, "{path}");
        }
    }

    #[test]
    fn each_file_has_an_etag_of_its_own() {
        let mut etags: Vec<&str> = FILES.values().map(|stored| stored.etag.as_str()).collect();
        assert!(etags.iter().all(|etag| etag.len() == 2 * ETAG_BYTES + 2));
        etags.sort_unstable();
        etags.dedup();
        assert_eq!(etags.len(), FILES.len());
    }

    #[test]
    fn what_a_file_names_is_there() {
        for name in FILES
            .keys()
            .filter(|name| name.ends_with(".js") || name.ends_with(".html"))
        {
            for other in named(name) {
                assert!(FILES.contains_key(other.as_str()), "{name} names {other}");
            }
        }
    }

    #[test]
    fn text_never_becomes_markup_or_code() {
        for name in FILES.keys().filter(|name| !name.starts_with("vendor/")) {
            for forbidden in FORBIDDEN {
                assert!(!text(name).contains(forbidden), "{name} has {forbidden}");
            }
        }
        assert!(!text("index.html").contains("<style"));
        assert_eq!(text("index.html").matches("<script").count(), 1);
    }

    #[test]
    fn the_first_load_is_small() {
        let later: Vec<&str> = text("app.js")
            .split("import(\"./")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert!(later.contains(&"views/tenant.js"));
        let mut needed = vec!["index.html".to_owned()];
        let mut at = 0;
        while let Some(name) = needed.get(at).cloned() {
            let is_read = name.ends_with(".js") || name.ends_with(".html");
            for other in if is_read { named(&name) } else { Vec::new() } {
                if !needed.contains(&other) && !later.contains(&other.as_str()) {
                    needed.push(other);
                }
            }
            at += 1;
        }
        let bytes: usize = needed
            .iter()
            .map(|name| FILES[name.as_str()].bytes.len())
            .sum();
        assert!(bytes <= FIRST_LOAD_BYTES_MAX, "{bytes} bytes");
    }
}
