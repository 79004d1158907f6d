//! The emulated Microsoft's attacks, and its ordinary records, through the whole pipeline: what an analyst would see.

use emulator::Story;
use office365::ContentType;
use pipeline::settings::EventSettings;
use tests::Outcome;
use tests::world::{World, quiet};

use super::{look_again, titles};

/// Tells a story in a tenant where nothing else happens, and compares the findings.
async fn check(story: Story, expect: &[&str]) -> Outcome<()> {
    let world = World::with_settings(quiet(), EventSettings::default()).await?;
    world.register(&ContentType::ALL).await?;
    let told = world.emulator.tell(world.tenant(), story)?;
    assert!(told.content_ids.len() > 2, "{told:?}");
    assert_eq!(told.left_out, []);
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.detect_until_empty().await?;
    look_again(&world).await?;
    assert_eq!(titles(&world)?, expect, "{story}");
    assert_eq!(world.emulator.published().records, told.records);
    world.assert_delivered()
}

#[tokio::test]
async fn a_password_spray_is_seen_from_guess_to_rule() -> Outcome<()> {
    check(
        Story::PasswordSpray,
        &[
            "Inbox rule deletes mail without any condition",
            "Inbox rule named by a dot or a few signs",
            "Inbox rule sends mail on to an address",
            "Signed in by a scripting library",
            "Wrong passwords for many accounts from one address",
        ],
    )
    .await
}

#[tokio::test]
async fn consent_phishing_is_seen_at_consent_and_reading() -> Outcome<()> {
    check(
        Story::ConsentPhishing,
        &[
            "Consent to an application with far-reaching rights",
            "So much mail read that auditing was throttled",
        ],
    )
    .await
}

#[tokio::test]
async fn an_insider_is_seen_at_each_way_out() -> Outcome<()> {
    check(
        Story::InsiderMassDownload,
        &[
            "Copy from a device blocked by endpoint DLP",
            "Many files downloaded by one user",
            "Many links for anybody",
        ],
    )
    .await
}

#[tokio::test]
async fn a_federated_domain_is_seen_step_by_step() -> Outcome<()> {
    check(
        Story::FederationTakeover,
        &[
            "Domain added to the tenant",
            "Domain made federated",
            "Federation settings of a domain changed",
            "Powerful administrator role given",
        ],
    )
    .await
}

#[tokio::test]
async fn ransomware_is_seen_from_renaming_to_the_bin() -> Outcome<()> {
    check(
        Story::OnedriveRansomware,
        &[
            "Alert of medium severity in Microsoft 365",
            "File named as a ransom note",
            "Many files deleted by one user",
            "Many files deleted from the recycle bin",
            "Many files renamed to one unknown ending",
        ],
    )
    .await
}

#[tokio::test]
async fn ordinary_records_make_no_finding() -> Outcome<()> {
    let ordinary = emulator::Config {
        blobs_per_tenant: 50,
        records_per_blob: 100..=100,
        ..emulator::Config::default()
    };
    let world = World::with_settings(ordinary, EventSettings::default()).await?;
    world.register(&ContentType::ALL).await?;
    world.all_announced().await?;
    world.work_until_empty().await?;
    world.detect_until_empty().await?;
    assert_eq!(world.emulator.published().records, 5_000);
    assert_eq!(titles(&world)?, Vec::<String>::new());
    Ok(())
}
