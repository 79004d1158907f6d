//! The rules that are at work: the built-in ones, and the operator's own, which lie in the lake's folder `rules/` beside the
//! exceptions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use detections::{Exceptions, RULE_BYTES_MAX, RULES_MAX, Rules, Source, builtin_sources};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use tokio::sync::Mutex;

use crate::clock::later;
use crate::store::lake::object::Listed;
use crate::store::lake::{Lake, LakeError};

/// The folder of the operator's rules in the lake.
pub const RULE_FOLDER: &str = "rules";

/// How long rules are used before the folder is looked at again.
pub const RELOAD_AFTER: Duration = Duration::from_secs(300);

/// Files of the folder that are looked at: more than there may be rules, and a few for each.
const FILES_MAX: usize = 4 * RULES_MAX;

/// The file of the operator's exceptions, in that folder.
pub const EXCEPTIONS_FILE: &str = "exceptions.json";

/// Bytes of the file of exceptions: a thousand of a thousand bytes.
const EXCEPTIONS_BYTES_MAX: usize = 1024 * 1024;

/// Rules and exceptions, loaded anew when the folder changed.
#[derive(Debug, Default)]
pub struct Ruleset {
    loaded: Mutex<Option<Loaded>>,
}

/// The rules and exceptions that are at work.
#[derive(Clone, Debug)]
pub(super) struct AtWork {
    pub(super) rules: Arc<Rules>,
    pub(super) exceptions: Arc<Exceptions>,
}

#[derive(Debug)]
struct Loaded {
    at_work: AtWork,
    /// The operator's files, by key, with their versions.
    versions: Versions,
    fresh_until: Timestamp,
}

type Versions = BTreeMap<Path, String>;

impl Ruleset {
    /// The rules and exceptions as of now. A folder that cannot be read leaves those that there were.
    pub(super) async fn at_work(&self, lake: &Lake, now: Timestamp) -> AtWork {
        let mut loaded = self.loaded.lock().await;
        if let Some(loaded) = &*loaded
            && now < loaded.fresh_until
        {
            return loaded.at_work.clone();
        }
        let fresh_until = later(now, RELOAD_AFTER);
        let before = loaded.as_ref().map(|loaded| &loaded.versions);
        let read = match Folder::read(lake, before).await {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%error, "the folder of rules cannot be read, rules and exceptions stay as they were");
                before.is_none().then(Folder::default)
            }
        };
        if let Some(folder) = read {
            let at_work = AtWork {
                rules: Arc::new(compile(&folder.rules)),
                exceptions: Arc::new(folder.exceptions),
            };
            *loaded = Some(Loaded {
                at_work: at_work.clone(),
                versions: folder.versions,
                fresh_until,
            });
            return at_work;
        }
        match &mut *loaded {
            Some(loaded) => {
                loaded.fresh_until = fresh_until;
                loaded.at_work.clone()
            }
            None => AtWork {
                rules: Arc::new(compile(&[])),
                exceptions: Arc::default(),
            },
        }
    }
}

fn compile(own: &[Source]) -> Rules {
    let builtin = builtin_sources();
    let files = builtin.iter().chain(own);
    let rules = Rules::load(files.map(|file| (&*file.name, &*file.rules)));
    for refused in rules.refused() {
        tracing::error!(
            file = refused.file,
            title = refused.title,
            reason = %refused.reason,
            "rule cannot be used, the others run"
        );
    }
    tracing::info!(
        rules = rules.about().count(),
        own_files = own.len(),
        "rules loaded"
    );
    rules
}

/// What the operator put into the folder.
#[derive(Default)]
struct Folder {
    rules: Vec<Source>,
    exceptions: Exceptions,
    versions: Versions,
}

impl Folder {
    /// The folder, if its files are not of these versions.
    async fn read(lake: &Lake, before: Option<&Versions>) -> Result<Option<Self>, LakeError> {
        let listing = lake.list(&Path::from(RULE_FOLDER))?.take(FILES_MAX);
        let listed: Vec<Listed> = match listing.try_collect().await {
            Err(error) if error.is_missing_or_damaged() => Vec::new(),
            listed => listed?,
        };
        let files = listed.into_iter().filter(|file| {
            matches!(file.path.extension(), Some("yml" | "yaml")) || is_exceptions(&file.path)
        });
        let versions: Versions = files.map(|file| (file.path, file.version)).collect();
        if before == Some(&versions) {
            return Ok(None);
        }
        let mut folder = Self {
            versions,
            ..Self::default()
        };
        for path in folder.versions.keys() {
            let bytes_max = match is_exceptions(path) {
                true => EXCEPTIONS_BYTES_MAX,
                false => RULE_BYTES_MAX,
            };
            let text = match lake.read(path, bytes_max).await {
                Ok(stored) => String::from_utf8_lossy(&stored.content).into_owned(),
                Err(error @ LakeError::TooLarge { .. }) => {
                    tracing::error!(%error, "file passed over");
                    continue;
                }
                Err(error) if error.is_missing_or_damaged() => continue,
                Err(error) => return Err(error),
            };
            if !is_exceptions(path) {
                folder.rules.push(Source {
                    name: path.to_string(),
                    rules: text,
                    fixtures: None,
                });
                continue;
            }
            match Exceptions::parse(&text) {
                Ok(exceptions) => folder.exceptions = exceptions,
                Err(error) => {
                    tracing::error!(%error, "there are no exceptions: their file cannot be used");
                }
            }
        }
        Ok(Some(folder))
    }
}

fn is_exceptions(path: &Path) -> bool {
    *path == Path::from_iter([RULE_FOLDER, EXCEPTIONS_FILE])
}
