//! The rules that are at work: the built-in ones, and the operator's own, which lie in the lake's folder `rules/`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use detections::{RULE_BYTES_MAX, RULES_MAX, Rules, Source, builtin_sources};
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

/// The rules, loaded anew when the folder changed.
#[derive(Debug, Default)]
pub struct Ruleset {
    loaded: Mutex<Option<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    rules: Arc<Rules>,
    /// The operator's files, by key, with their versions.
    versions: BTreeMap<Path, String>,
    fresh_until: Timestamp,
}

impl Ruleset {
    /// The rules as of now. A folder that cannot be read leaves those that there were.
    pub async fn rules(&self, lake: &Lake, now: Timestamp) -> Arc<Rules> {
        let mut loaded = self.loaded.lock().await;
        if let Some(loaded) = &*loaded
            && now < loaded.fresh_until
        {
            return Arc::clone(&loaded.rules);
        }
        let versions = loaded.as_ref().map(|loaded| &loaded.versions);
        let changed = match changed(lake, versions).await {
            Ok(changed) => changed,
            Err(error) => {
                tracing::error!(%error, "the folder of rules cannot be read, the rules stay as they were");
                versions.is_none().then(|| (Vec::new(), BTreeMap::new()))
            }
        };
        let fresh_until = later(now, RELOAD_AFTER);
        match (changed, &mut *loaded) {
            (Some((own, versions)), _) => {
                let rules = Arc::new(compile(&own));
                *loaded = Some(Loaded {
                    rules: Arc::clone(&rules),
                    versions,
                    fresh_until,
                });
                rules
            }
            (None, Some(loaded)) => {
                loaded.fresh_until = fresh_until;
                Arc::clone(&loaded.rules)
            }
            (None, None) => Arc::new(compile(&[])),
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

type Folder = (Vec<Source>, BTreeMap<Path, String>);

/// The operator's files, if they are not of these versions.
async fn changed(
    lake: &Lake,
    versions: Option<&BTreeMap<Path, String>>,
) -> Result<Option<Folder>, LakeError> {
    let listing = lake.list(&Path::from(RULE_FOLDER))?.take(FILES_MAX);
    let listed: Vec<Listed> = match listing.try_collect().await {
        Err(error) if error.is_missing_or_damaged() => Vec::new(),
        listed => listed?,
    };
    let files = listed.into_iter().filter(|file| is_rule_file(&file.path));
    let found: BTreeMap<Path, String> = files.map(|file| (file.path, file.version)).collect();
    if versions == Some(&found) {
        return Ok(None);
    }
    let mut sources = Vec::new();
    for path in found.keys() {
        match lake.read(path, RULE_BYTES_MAX).await {
            Ok(stored) => sources.push(Source {
                name: path.to_string(),
                rules: String::from_utf8_lossy(&stored.content).into_owned(),
                fixtures: None,
            }),
            Err(error @ LakeError::TooLarge { .. }) => {
                tracing::error!(%error, "file of rules passed over");
            }
            Err(error) if error.is_missing_or_damaged() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some((sources, found)))
}

fn is_rule_file(path: &Path) -> bool {
    matches!(path.extension(), Some("yml" | "yaml"))
}
