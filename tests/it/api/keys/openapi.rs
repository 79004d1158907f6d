//! The OpenAPI document against the running service.

use std::time::Duration;

use emulator::ContentType as Published;
use http::Method;
use serde_json::{Value, json};
use tests::world::{API_KEY, EXCHANGE, World, quiet};
use tests::{Outcome, repo, tools};
use tokio::process::Command;
use uuid::Uuid;

/// Time for all generated requests: half a minute on an idle machine.
const RUN_WITHIN: Duration = Duration::from_secs(180);

#[tokio::test]
async fn the_service_keeps_to_its_openapi_document() -> Outcome<()> {
    tools::install_openapi().await?;
    let world = World::start(quiet()).await?;
    world.register(&[EXCHANGE]).await?;
    let finding = finding(&world).await?;
    let folder = tempfile::tempdir()?;
    let rules = std::fs::read_to_string(repo::root().join("tests/tools/schemathesis.toml"))?;
    let config = folder.path().join("schemathesis.toml");
    // Made-up ids alone would all be answered with 404.
    let known = format!(
        "[parameters]\ntenant_id = \"{}\"\nfinding_id = \"{finding}\"\n",
        world.tenant()
    );
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

/// A finding of the first tenant.
async fn finding(world: &World) -> Outcome<Uuid> {
    let mut record = world.record(1);
    record["Operation"] = "New-InboxRule".into();
    record["ResultStatus"] = "True".into();
    record["Parameters"] = json!([{"Name": "ForwardTo", "Value": "drop@attacker.example"}]);
    world
        .emulator
        .publish(world.tenant(), Published::Exchange, vec![record]);
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.detect_until_empty().await?;
    let path = format!("/v1/tenants/{}/findings", world.tenant());
    let (_, list) = world.operate(Method::GET, &path, Value::Null).await;
    let id = list["findings"][0]["finding_id"].as_str();
    Ok(id.ok_or("there is no finding")?.parse()?)
}
