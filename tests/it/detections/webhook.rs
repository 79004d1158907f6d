//! Findings at the operator's webhook: signed, and again when it does not take them.

use pipeline::settings::EventSettings;
use serde_json::{Value, json};
use tests::Outcome;
use tests::webhook::Webhook;

use super::{ONE, act, deliver, installed};

/// `whsec_` and the base64 of 32 bytes.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

#[tokio::test]
async fn a_finding_is_sent_signed_until_it_is_taken() -> Outcome<()> {
    let world = installed(&[ONE], EventSettings::default()).await?;
    deliver(&world, vec![act(&world, 1, "Test-Act", &json!({}))]).await?;
    world.detect_until_empty().await?;
    let webhook = Webhook::start(1).await?;
    let (taken, failed) = world.send_findings(webhook.url()?, SECRET).await?;
    assert_eq!((taken, failed.len()), (1, 1));
    world.queue_findings_again().await?;
    let (taken, failed) = world.send_findings(webhook.url()?, SECRET).await?;
    assert_eq!((taken, failed.len()), (1, 0));

    let calls = webhook.calls();
    let ids: Vec<&str> = calls.iter().map(|call| call.header("webhook-id")).collect();
    assert_eq!(ids, [ids[0]; 2]);
    for call in &calls {
        assert!(call.is_signed_with(SECRET)?);
        let body: Value = serde_json::from_str(call.body())?;
        assert_eq!(body["type"], "finding.created");
        assert_eq!(body["data"]["metadata"]["uid"], json!(ids[0]));
    }
    Ok(())
}

#[tokio::test]
async fn a_webhook_in_the_open_is_refused() -> Outcome<()> {
    let world = installed(&[], EventSettings::default()).await?;
    let url = "http://soc.example/findings".parse()?;
    let refused = world.send_findings(url, SECRET).await.unwrap_err();
    assert!(refused.to_string().contains("https"), "{refused}");
    Ok(())
}
