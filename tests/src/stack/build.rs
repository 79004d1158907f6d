//! The real template, built by `sam build`: once for all tests that run at the same time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Mutex;

use super::architecture;
use crate::{Outcome, tools};

/// For eight release builds with link-time optimization, from scratch, on two busy cores.
const BUILD_TIMEOUT: Duration = Duration::from_secs(40 * 60);

/// The built template. Dropping the last of its owners deletes its files.
#[derive(Debug)]
pub(super) struct Built {
    dir: TempDir,
}

impl Built {
    /// Where the built template is.
    pub(super) fn template(&self) -> PathBuf {
        self.dir.path().join("template.yaml")
    }

    /// The size of each bootstrap in bytes, by the function's name in the template.
    pub(super) fn bootstraps(&self) -> Outcome<BTreeMap<String, u64>> {
        let mut sizes = BTreeMap::new();
        for entry in std::fs::read_dir(self.dir.path())? {
            let entry = entry?;
            let bootstrap = entry.path().join("bootstrap");
            // The nested stack has a folder too, but only with its template.
            if bootstrap.exists() {
                let bytes = bootstrap.metadata()?.len();
                sizes.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
            }
        }
        Ok(sizes)
    }
}

/// Builds the functions of the real template, unless another test still has them.
pub(super) async fn built() -> Outcome<Arc<Built>> {
    static BUILT: Mutex<Weak<Built>> = Mutex::const_new(Weak::new());
    // Held while it is built: whoever comes meanwhile waits for it.
    let mut known = BUILT.lock().await;
    if let Some(built) = known.upgrade() {
        return Ok(built);
    }
    let dir = tempfile::Builder::new()
        .prefix("ualstream-build-")
        .tempdir()?;
    let mut build = tools::sam_tool("sam");
    let architecture = format!("Architecture={}", architecture());
    build.args(["build", "--parameter-overrides", &architecture]);
    build.arg("--build-dir").arg(dir.path());
    tools::run(&mut build, BUILD_TIMEOUT).await?;
    let built = Arc::new(Built { dir });
    *known = Arc::downgrade(&built);
    Ok(built)
}
