//! Secrets, fetched at the first event (so that a cold start reaches its first poll without a network call) and again
//! every few minutes (so that a rotation needs no deployment).
//!
//! One Secrets Manager secret each, plain text: the app registration's client secret or certificate, the webhook master
//! key and the operator's API key. A rotated key is `AWSCURRENT`, the one before it `AWSPREVIOUS`.

use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;
use tokio::sync::RwLock;
use tokio::time::Instant;

use crate::aws::AwsError;

/// How long a fetched secret is used before it is read again. Five minutes are under 10,000 reads a month for each function
/// instance, and a rotated key is in use after five minutes at the latest.
pub const REFRESH_AFTER: Duration = Duration::from_secs(5 * 60);

/// How old a secret must be to be read again because a caller's key did not match it. Callers with wrong keys cause at most
/// one read a minute for each function instance.
pub const RECHECK_AFTER: Duration = Duration::from_secs(60);

/// A secret and, where rotation left one, its predecessor.
#[derive(Clone, Debug)]
pub struct Versions {
    /// `AWSCURRENT`
    pub current: SecretString,
    /// `AWSPREVIOUS`
    pub previous: Option<SecretString>,
}

/// Where a secret comes from.
#[derive(Debug)]
pub struct Secret {
    source: Source,
    cache: RwLock<Option<(Instant, Versions)>>,
}

#[derive(Debug)]
enum Source {
    Fixed(Versions),
    Managed { client: Client, arn: String },
}

impl Secret {
    /// A secret given by whoever starts the process: local mode and tests.
    #[must_use]
    pub fn fixed(current: SecretString, previous: Option<SecretString>) -> Self {
        Self {
            source: Source::Fixed(Versions { current, previous }),
            cache: RwLock::new(None),
        }
    }

    /// A secret kept in Secrets Manager.
    #[must_use]
    pub fn managed(client: Client, arn: String) -> Self {
        Self {
            source: Source::Managed { client, arn },
            cache: RwLock::new(None),
        }
    }

    /// The secret's versions, at most [`REFRESH_AFTER`] old. When a refresh fails, the versions at hand stay in use: an
    /// outage of Secrets Manager must not refuse genuine notifications.
    ///
    /// # Errors
    /// The secret was never read and cannot be read now.
    pub async fn versions(&self) -> Result<Versions, AwsError> {
        self.younger_than(REFRESH_AFTER).await
    }

    /// The secret's versions, at most [`RECHECK_AFTER`] old, for when a caller's key matched none of [`Self::versions`]: it may
    /// have been rotated since they were read.
    ///
    /// # Errors
    /// As [`Self::versions`].
    pub async fn rechecked(&self) -> Result<Versions, AwsError> {
        self.younger_than(RECHECK_AFTER).await
    }

    async fn younger_than(&self, age: Duration) -> Result<Versions, AwsError> {
        let (client, arn) = match &self.source {
            Source::Fixed(versions) => return Ok(versions.clone()),
            Source::Managed { client, arn } => (client, arn),
        };
        if let Some((fetched, versions)) = &*self.cache.read().await
            && fetched.elapsed() < age
        {
            return Ok(versions.clone());
        }
        let mut cache = self.cache.write().await;
        // Another caller may have fetched it while this one waited for the lock.
        if let Some((fetched, versions)) = &*cache
            && fetched.elapsed() < age
        {
            return Ok(versions.clone());
        }
        match fetch(client, arn).await {
            Ok(versions) => {
                *cache = Some((Instant::now(), versions.clone()));
                Ok(versions)
            }
            Err(error) => match &mut *cache {
                Some((fetched, versions)) => {
                    tracing::warn!(error = %error, "secret not refreshed, the one at hand stays in use");
                    *fetched = Instant::now();
                    Ok(versions.clone())
                }
                None => Err(error),
            },
        }
    }
}

async fn fetch(client: &Client, arn: &str) -> Result<Versions, AwsError> {
    let current = stage(client, arn, "AWSCURRENT").await?.ok_or_else(|| {
        AwsError::unusable(
            "secretsmanager:GetSecretValue",
            "the secret has no value yet: put the plain text into it",
        )
    })?;
    let previous = stage(client, arn, "AWSPREVIOUS").await?;
    Ok(Versions { current, previous })
}

async fn stage(client: &Client, arn: &str, stage: &str) -> Result<Option<SecretString>, AwsError> {
    let answer = client
        .get_secret_value()
        .secret_id(arn)
        .version_stage(stage)
        .send()
        .await;
    match answer {
        Ok(output) => Ok(output
            .secret_string()
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(SecretString::from)),
        Err(error)
            if matches!(
                error.as_service_error(),
                Some(GetSecretValueError::ResourceNotFoundException(_))
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(AwsError::new("secretsmanager:GetSecretValue", &error)),
    }
}
