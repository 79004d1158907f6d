//! Microsoft's own client library, unmodified, logs in at the emulator.

use std::io::{Seek as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use emulator::{Config, ContentType, Emulator, Operation, Tls};
use serde_json::{Value, json};
use tests::{Outcome, repo, tools};
use tokio::process::Command;

use super::{CERTIFICATE, KEY};

/// The client starts within seconds; builds may be running beside it.
const RUN_WITHIN: Duration = Duration::from_secs(120);

/// The emulator over HTTPS. MSAL knows no other.
async fn microsoft() -> Outcome<Emulator> {
    let tls = Tls {
        certificates: include_str!("../../../emulator/tests/it/tls/server.pem").to_owned(),
        key: include_str!("../../../emulator/tests/it/tls/server.key").to_owned(),
    };
    let config = Config {
        tls: Some(tls),
        client_certificates: vec![CERTIFICATE.to_owned()],
        content_types: vec![ContentType::Exchange],
        blobs_per_tenant: 0,
        ..Config::default()
    };
    Ok(Emulator::start(config).await?)
}

/// What the client prints.
async fn run(microsoft: &Emulator, credential: &Value) -> Outcome<Value> {
    tools::install_msal().await?;
    // A credential is no argument: others could see it.
    let mut input = tempfile::tempfile()?;
    input.write_all(credential.to_string().as_bytes())?;
    input.rewind()?;
    let mut client = Command::new(tools::bin("msal").join("python"));
    client
        .arg(repo::root().join("tests/tools/msal_client.py"))
        .arg(microsoft.login_url().as_str())
        .arg(microsoft.tenants()[0].to_string())
        .arg(microsoft.client_id().to_string())
        .arg(repo::root().join("emulator/tests/it/tls/authority.pem"))
        .env("NO_PROXY", "*")
        // The library under MSAL prefers these to what it is told.
        .env_remove("REQUESTS_CA_BUNDLE")
        .env_remove("CURL_CA_BUNDLE");
    let printed = tools::run_with_input(&mut client, Stdio::from(input), RUN_WITHIN).await?;
    Ok(serde_json::from_str(&printed)?)
}

#[tokio::test]
async fn msal_logs_in_and_lists_subscriptions() -> Outcome<()> {
    let microsoft = microsoft().await?;
    let secret = json!(microsoft.client_secret());
    let modern = json!({ "private_key": KEY, "public_certificate": CERTIFICATE });
    for credential in [secret, modern] {
        let got = run(&microsoft, &credential).await?;
        let expect = json!({ "status": 200, "listed": [], "again": "cache" });
        assert_eq!(got, expect);
    }
    assert_eq!(microsoft.request_count(Operation::Token), 2);
    assert_eq!(microsoft.request_count(Operation::Discovery), 6);
    assert_eq!(microsoft.violations(), []);
    Ok(())
}

#[tokio::test]
async fn msal_is_told_that_a_secret_is_wrong() -> Outcome<()> {
    let microsoft = microsoft().await?;
    let got = run(&microsoft, &json!("wrong")).await?;
    let expect = json!({ "error": "invalid_client", "codes": [7_000_215] });
    assert_eq!(got, expect);
    Ok(())
}
