//! What is at work: the built-in rules; the operator's own rules and files of places, which lie in the lake's folders `rules/` and
//! `places/`; and the exceptions, which stand in the table.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use detections::{
    Exceptions, Finding, Off, PLACES_BYTES_MAX, Places, RULE_BYTES_MAX, RULES_MAX, Rules, Source,
    builtin, builtin_sources,
};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use tokio::sync::Mutex;

use super::Detector;
use crate::clock::later;
use crate::store::detections::{Detections, DetectionsError, ExceptionId};
use crate::store::lake::object::Listed;
use crate::store::lake::{Lake, LakeError};

/// The folder of the operator's rules in the lake.
pub const RULE_FOLDER: &str = "rules";

/// How long rules are used before the folder is looked at again.
pub const RELOAD_AFTER: Duration = Duration::from_secs(300);

/// Files of the folder that are looked at: more than there may be rules, and a few for each.
const FILES_MAX: usize = 4 * RULES_MAX;

/// The folder of the operator's files of places in the lake.
pub const PLACE_FOLDER: &str = "places";

/// Rules, exceptions and places, loaded anew when a folder changed.
#[derive(Debug, Default)]
pub struct Ruleset {
    loaded: Mutex<Option<Loaded>>,
}

/// The rules, exceptions and places that are at work.
#[derive(Clone, Debug)]
pub(super) struct AtWork {
    pub(super) rules: Arc<Rules>,
    pub(super) exceptions: Arc<Named>,
    pub(super) places: Arc<Places>,
}

/// Exceptions and their names, in one order.
#[derive(Debug, Default)]
pub(super) struct Named {
    exceptions: Exceptions,
    ids: Vec<ExceptionId>,
}

impl Named {
    /// The name of the exception that is for the finding.
    pub(super) fn cover(&self, finding: &Finding) -> Option<ExceptionId> {
        self.ids.get(self.exceptions.cover(finding)?).copied()
    }

    async fn read(detections: &Detections) -> Result<Self, DetectionsError> {
        let mut named = Self::default();
        let mut list = Vec::new();
        for kept in detections.exceptions().await? {
            // The API refuses such a one. Something else wrote it, and the others are at work all the same.
            if let Err(error) = Exceptions::new(vec![kept.exception.clone()]) {
                tracing::error!(exception.id = %kept.id, %error, "exception passed over");
                continue;
            }
            named.ids.push(kept.id);
            list.push(kept.exception);
        }
        named.exceptions = Exceptions::new(list).unwrap_or_default();
        Ok(named)
    }
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
    /// The rules and exceptions as of now. A folder or a table that cannot be read leaves those that there were.
    ///
    /// # Errors
    /// The exceptions were never read: without them, findings would be made that nobody wants.
    pub(super) async fn at_work(
        &self,
        detector: &Detector,
        now: Timestamp,
    ) -> Result<AtWork, DetectionsError> {
        let mut loaded = self.loaded.lock().await;
        if let Some(loaded) = &*loaded
            && now < loaded.fresh_until
        {
            return Ok(loaded.at_work.clone());
        }
        let before = loaded.as_ref();
        let exceptions = match (Named::read(&detector.detections).await, before) {
            (Ok(exceptions), _) => Arc::new(exceptions),
            (Err(error), Some(before)) => {
                tracing::error!(%error, "exceptions cannot be read, they stay as they were");
                Arc::clone(&before.at_work.exceptions)
            }
            (Err(error), None) => return Err(error),
        };
        let folder = Folder::read(&detector.lake, before.map(|before| &before.versions)).await;
        let folder = folder.unwrap_or_else(|error| {
            tracing::error!(%error, "the folder of rules cannot be read, rules stay as they were");
            before.is_none().then(Folder::default)
        });
        let (rules, places, versions) = match (folder, before) {
            (None, Some(before)) => {
                let AtWork { rules, places, .. } = before.at_work.clone();
                (rules, places, before.versions.clone())
            }
            (folder, _) => {
                let folder = folder.unwrap_or_default();
                let rules = compile(&folder.rules, &folder.places);
                (rules, Arc::new(folder.places), folder.versions)
            }
        };
        let at_work = AtWork {
            rules,
            exceptions,
            places,
        };
        *loaded = Some(Loaded {
            at_work: at_work.clone(),
            versions,
            fresh_until: later(now, RELOAD_AFTER),
        });
        Ok(at_work)
    }
}

/// The built-in rules with the operator's own.
fn compile(own: &[Source], places: &Places) -> Arc<Rules> {
    let rules = match own {
        [] => builtin(),
        own => {
            let builtin = builtin_sources();
            let files = builtin.iter().chain(own);
            Arc::new(Rules::load(files.map(|file| (&*file.name, &*file.rules))))
        }
    };
    for refused in rules.refused() {
        tracing::error!(
            file = refused.file,
            title = refused.title,
            reason = %refused.reason,
            "rule cannot be used, the others run"
        );
    }
    let off: Vec<&str> = rules
        .off_without(places)
        .iter()
        .map(|Off { rule, .. }| &*rule.title)
        .collect();
    tracing::info!(
        rules = rules.about().count(),
        own_files = own.len(),
        off_without_places = off.join(", "),
        "rules loaded"
    );
    rules
}

/// What the operator put into the folders.
#[derive(Default)]
struct Folder {
    rules: Vec<Source>,
    places: Places,
    versions: Versions,
}

impl Folder {
    /// The folders, if their files are not of these versions.
    async fn read(lake: &Lake, before: Option<&Versions>) -> Result<Option<Self>, LakeError> {
        let mut folder = Self::default();
        for root in [RULE_FOLDER, PLACE_FOLDER] {
            let listing = lake.list(&Path::from(root))?.take(FILES_MAX);
            let listed: Vec<Listed> = match listing.try_collect().await {
                Err(error) if error.is_missing_or_damaged() => Vec::new(),
                listed => listed?,
            };
            let known = listed
                .into_iter()
                .filter(|file| FileKind::of(&file.path).is_some());
            folder
                .versions
                .extend(known.map(|file| (file.path, file.version)));
        }
        if before == Some(&folder.versions) {
            return Ok(None);
        }
        for path in folder.versions.clone().into_keys() {
            let Some(kind) = FileKind::of(&path) else {
                continue;
            };
            match lake.read(&path, kind.bytes_max()).await {
                Ok(stored) => folder.take(kind, &path, &stored.content),
                Err(error @ LakeError::TooLarge { .. }) => {
                    tracing::error!(%error, "file passed over");
                }
                Err(error) if error.is_missing_or_damaged() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(folder))
    }

    /// Takes a file in. One that cannot be used is told of, and the others are at work.
    fn take(&mut self, kind: FileKind, path: &Path, content: &[u8]) {
        let text = || String::from_utf8_lossy(content).into_owned();
        match kind {
            FileKind::Rules => self.rules.push(Source {
                name: path.to_string(),
                rules: text(),
                fixtures: None,
            }),
            FileKind::Places => {
                if let Err(error) = self.places.add(path.as_ref(), content.to_vec()) {
                    tracing::error!(%error, "file of places passed over");
                }
            }
        }
    }
}

/// What a file holds, by its place and ending.
#[derive(Clone, Copy)]
enum FileKind {
    Rules,
    Places,
}

impl FileKind {
    fn of(path: &Path) -> Option<Self> {
        let root = path.parts().next()?;
        match (root.as_ref(), path.extension()?) {
            (RULE_FOLDER, "yml" | "yaml") => Some(Self::Rules),
            (PLACE_FOLDER, "mmdb") => Some(Self::Places),
            _ => None,
        }
    }

    fn bytes_max(self) -> usize {
        match self {
            Self::Rules => RULE_BYTES_MAX,
            Self::Places => PLACES_BYTES_MAX,
        }
    }
}
