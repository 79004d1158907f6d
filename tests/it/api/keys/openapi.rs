//! The OpenAPI document against the running service.

use std::time::Duration;

use tests::world::{API_KEY, EXCHANGE, World, quiet};
use tests::{Outcome, repo, tools};
use tokio::process::Command;

/// Time for all generated requests: half a minute on an idle machine.
const RUN_WITHIN: Duration = Duration::from_secs(180);

#[tokio::test]
async fn the_service_keeps_to_its_openapi_document() -> Outcome<()> {
    tools::install_openapi().await?;
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let folder = tempfile::tempdir()?;
    let rules = std::fs::read_to_string(repo::root().join("tests/tools/schemathesis.toml"))?;
    let config = folder.path().join("schemathesis.toml");
    // Made-up ids alone would all be answered with 404.
    let known = format!("[parameters]\ntenant_id = \"{}\"\n", world.tenant());
    std::fs::write(&config, rules + &known)?;
    let mut run = Command::new(tools::bin("openapi").join("schemathesis"));
    run.arg("--config-file")
        .arg(&config)
        .arg("run")
        .arg(world.url.join("v1/openapi.json")?.as_str())
        .args(["--header", &format!("Authorization: Bearer {API_KEY}")])
        .args(["--seed", "1", "--rate-limit", "auto"])
        .env("NO_COLOR", "1")
        .current_dir(folder.path());
    // It fails when there is anything to say.
    tools::run(&mut run, RUN_WITHIN).await.map(drop)
}
