//! The OpenAPI document against the running service.

use std::time::Duration;

use tests::world::{API_KEY, World, quiet};
use tests::{Outcome, repo, tools};
use tokio::process::Command;

/// Time for all generated requests: half a minute on an idle machine.
const RUN_WITHIN: Duration = Duration::from_secs(180);

#[tokio::test]
async fn the_service_keeps_to_its_openapi_document() -> Outcome<()> {
    tools::install_openapi().await?;
    let world = World::start(quiet()).await?;
    let folder = tempfile::tempdir()?;
    let mut run = Command::new(tools::bin("openapi").join("schemathesis"));
    run.arg("--config-file")
        .arg(repo::root().join("tests/tools/schemathesis.toml"))
        .arg("run")
        .arg(world.url.join("v1/openapi.json")?.as_str())
        .args(["--header", &format!("Authorization: Bearer {API_KEY}")])
        .args(["--seed", "1", "--rate-limit", "auto"])
        // What a schema cannot say: a cursor is one that was given, a period is before today, Microsoft knows the tenant.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .env("NO_COLOR", "1")
        .current_dir(folder.path());
    // It fails when there is anything to say.
    tools::run(&mut run, RUN_WITHIN).await.map(drop)
}
