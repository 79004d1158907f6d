//! The credential of the app registration, from the functions' settings to a fetched blob: a rotated secret, a
//! certificate, and AWS's statement of the function's role. Entra and AWS are emulated, everything between them is
//! real.

mod aws;
mod msal;

use std::time::Duration;

use emulator::{Emulator, FederatedCredential};
use office365::{Client, Cloud, ContentType, Disposition, Error, Failure};
use pipeline::aws::secrets;
use pipeline::microsoft::Microsoft;
use pipeline::{settings, wiring};
use serde_json::{Value, json};
use tests::Outcome;

use aws::{Aws, ROLE, Sts};

/// The emulator's own certificate, registered for the application.
const CERTIFICATE: &str = include_str!("../../emulator/tests/it/certificate.pem");
const KEY: &str = include_str!("../../emulator/tests/it/certificate.key");

const EXCHANGE: ContentType = ContentType::AuditExchange;

/// Microsoft, AWS, and the fetcher's client that talks to both.
struct Ends {
    emulator: Emulator,
    aws: Aws,
    microsoft: Microsoft,
}

impl Ends {
    /// Starts with this `APP_CREDENTIAL`, and an application that has these certificates, expired secrets, and trust in
    /// ROLE.
    async fn start(app_credential: &str) -> Outcome<Self> {
        let clock = emulator::Clock::system();
        let aws = Aws::start(&clock).await?;
        let trusted = FederatedCredential {
            issuer: aws.issuer.clone(),
            subject: ROLE.to_owned(),
            audience: "api://AzureADTokenExchange".to_owned(),
        };
        let emulator = Emulator::start(emulator::Config {
            blobs_per_tenant: 0,
            expired_client_secrets: vec!["last-years-secret".to_owned()],
            client_certificates: vec![CERTIFICATE.to_owned()],
            federated_credentials: vec![trusted],
            clock,
            ..emulator::Config::default()
        })
        .await?;
        let settings = settings::fetcher(|name| {
            Some(match name {
                "TABLE_NAME" => "ualstream".to_owned(),
                "QUEUE_URL" => "https://sqs.example/1/content".to_owned(),
                "LAKE_URL" => "memory:///".to_owned(),
                "CLIENT_ID" => emulator.client_id().to_string(),
                "PUBLISHER_ID" => emulator.tenants()[0].to_string(),
                "LOGIN_URL" => emulator.login_url().to_string(),
                "MANAGE_URL" => emulator.manage_url().to_string(),
                "APP_CREDENTIAL" => app_credential.to_owned(),
                "APP_SECRET_ARN" if app_credential != "federated" => "arn:app".to_owned(),
                _ => return None,
            })
        })?;
        Ok(Self {
            microsoft: wiring::microsoft(&aws.config(), settings.microsoft),
            emulator,
            aws,
        })
    }

    fn client(&self) -> Outcome<&Client> {
        Ok(self.microsoft.client()?)
    }

    /// Lists the tenant's subscriptions, which needs a token.
    async fn call(&self) -> Outcome<Result<(), Error>> {
        let tenant = self.emulator.tenants()[0].to_string().parse()?;
        let listed = self.client()?.list_subscriptions(tenant, Cloud::Enterprise);
        Ok(listed.await.map(drop))
    }

    /// Starts a subscription, lists content and fetches it: the published record must be in it.
    async fn go_the_whole_way(&self) -> Outcome<()> {
        let (client, cloud) = (self.client()?, Cloud::Enterprise);
        let tenant = self.emulator.tenants()[0].to_string().parse()?;
        client.start(tenant, cloud, EXCHANGE, None).await?;
        let record = json!({"Id": "a0000000-0000-4000-8000-000000000001"});
        let of = emulator::ContentType::Exchange;
        self.emulator
            .publish(self.emulator.tenants()[0], of, vec![record]);
        let now = self.emulator.clock().now();
        let (from, to) = (
            now - Duration::from_secs(3600),
            now + Duration::from_secs(2),
        );
        let mut pages = client.content_pages(tenant, cloud, EXCHANGE, from, to);
        let listed = pages.next().await?.unwrap_or_default();
        let blob = client
            .fetch_blob(tenant, cloud, &listed.contents[0].content_id, 1_000_000)
            .await?;
        let records: Value = serde_json::from_slice(&blob)?;
        assert_eq!(records[0]["Id"], "a0000000-0000-4000-8000-000000000001");
        assert_eq!(self.emulator.violations(), []);
        Ok(())
    }

    /// Checks that Entra refuses a call with this code, and that the operator has to act.
    #[track_caller]
    fn refused(outcome: Result<(), Error>, code: &str) {
        let error = outcome.unwrap_err();
        assert_eq!(error.code(), Some(code), "{error}");
        assert_eq!(error.disposition(), Disposition::Credential, "{error}");
    }
}

#[tokio::test]
async fn a_rotated_secret_is_used_within_minutes_without_restart() -> Outcome<()> {
    let ends = Ends::start("secret").await?;
    ends.aws.store("last-years-secret");
    Ends::refused(ends.call().await?, "AADSTS7000222");
    ends.aws.store(ends.emulator.client_secret());
    Ends::refused(ends.call().await?, "AADSTS7000222");
    assert_eq!(ends.aws.secret_reads(), 1, "it is kept for minutes");
    tokio::time::pause();
    tokio::time::advance(secrets::REFRESH_AFTER).await;
    tokio::time::resume();
    ends.go_the_whole_way().await?;
    assert_eq!(ends.aws.secret_reads(), 2);
    Ok(())
}

#[tokio::test]
async fn a_stored_certificate_works_end_to_end() -> Outcome<()> {
    for pem in [format!("{KEY}{CERTIFICATE}"), format!("{CERTIFICATE}{KEY}")] {
        let ends = Ends::start("certificate").await?;
        ends.aws.store(&pem);
        ends.go_the_whole_way().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_certificate_is_reported_before_any_call_to_entra() -> Outcome<()> {
    let ends = Ends::start("certificate").await?;
    ends.aws.store("hush-hush");
    let error = ends.call().await?.unwrap_err();
    assert!(
        matches!(error.failure(), Failure::Credential(_)),
        "{error:?}"
    );
    assert_eq!(error.disposition(), Disposition::Credential);
    assert!(!error.to_string().contains("hush"), "{error}");
    assert_eq!(ends.emulator.requests().len(), 0);
    Ok(())
}

#[tokio::test]
async fn a_functions_role_works_end_to_end_without_a_secret() -> Outcome<()> {
    let ends = Ends::start("federated").await?;
    ends.go_the_whole_way().await?;
    assert_eq!(ends.aws.secret_reads(), 0);
    let calls = ends.aws.sts_calls();
    assert_eq!(calls.len(), 1, "one statement for one token");
    for (name, value) in [
        ("Action", "GetWebIdentityToken"),
        ("Audience.member.1", "api://AzureADTokenExchange"),
        ("SigningAlgorithm", "RS256"),
        ("DurationSeconds", "300"),
    ] {
        assert_eq!(calls[0].get(name), Some(&json!(value)), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn an_untrusted_token_request_says_why() -> Outcome<()> {
    let ends = Ends::start("federated").await?;
    let elsewhere = Aws::start(&emulator::Clock::system()).await?;
    for (sts, code) in [
        (json!({"aud": "sts.amazonaws.com"}), "AADSTS700212"),
        (json!({"exp": 1_700_000_000}), "AADSTS500133"),
        (json!({"iss": elsewhere.issuer}), "AADSTS700211"),
        (json!({"sub": format!("{ROLE}-2")}), "AADSTS700213"),
    ] {
        ends.aws.set_sts(Sts::StatesInstead(sts));
        Ends::refused(ends.call().await?, code);
    }
    ends.aws.set_sts(Sts::Forges);
    Ends::refused(ends.call().await?, "AADSTS50012");
    ends.aws.set_sts(Sts::States);
    ends.go_the_whole_way().await
}

#[tokio::test]
async fn a_refusal_by_sts_is_retried_and_says_what_to_do() -> Outcome<()> {
    for (code, says) in [
        ("AccessDenied", "sts:GetWebIdentityToken failed"),
        (
            "OutboundWebIdentityFederationDisabledException",
            "turn it on in IAM",
        ),
    ] {
        let ends = Ends::start("federated").await?;
        ends.aws.set_sts(Sts::Refuses(code));
        let error = ends.call().await?.unwrap_err();
        assert!(
            matches!(error.failure(), Failure::NoCredential(_)),
            "{error:?}"
        );
        assert_eq!(error.disposition(), Disposition::Retry { after: None });
        assert!(error.to_string().contains(says), "{error}");
        ends.aws.set_sts(Sts::States);
        ends.go_the_whole_way().await?;
    }
    Ok(())
}
