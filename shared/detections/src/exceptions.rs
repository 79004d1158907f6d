//! Exceptions: findings that somebody has decided not to want, for a reason and until a day.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// Exceptions at a time: each is compared with each finding.
pub const EXCEPTIONS_MAX: usize = 1_000;

/// Why exceptions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExceptionsError {
    /// No JSON, a member is missing or unknown, or a value is of the wrong form.
    #[error("the exceptions cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// More than [`EXCEPTIONS_MAX`].
    #[error("there are more than {EXCEPTIONS_MAX} exceptions")]
    TooMany,
    /// One that would be for everything.
    #[error("exception {0} names neither a rule, tenant, user, address nor application")]
    Everything(usize),
    /// One without a reason or an author.
    #[error("exception {0} lacks its reason or author")]
    Unexplained(usize),
    /// One whose address is none.
    #[error("exception {0}: the address is neither an IP address nor a network")]
    Address(usize),
}

/// One exception. All of what it names must be so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// A rule's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// A tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// A user, as the finding names it; large and small letters are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// An IP address, or a network such as `192.0.2.0/24`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// An application's id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Why there is no danger.
    pub reason: String,
    /// Who decided it.
    pub author: String,
    /// Findings whose last record is later are wanted again.
    pub until: Timestamp,
}

/// The exceptions of an installation, with how often each was used.
#[derive(Debug, Default)]
pub struct Exceptions {
    all: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    exception: Exception,
    network: Option<IpNet>,
    used: AtomicU64,
}

impl Exceptions {
    /// Reads a JSON list of [`Exception`]s.
    ///
    /// # Errors
    /// [`ExceptionsError`]
    pub fn parse(text: &str) -> Result<Self, ExceptionsError> {
        Self::new(serde_json::from_str(text)?)
    }

    /// The exceptions of a list, in its order.
    ///
    /// # Errors
    /// [`ExceptionsError`], but for the form of the text
    pub fn new(list: Vec<Exception>) -> Result<Self, ExceptionsError> {
        if list.len() > EXCEPTIONS_MAX {
            return Err(ExceptionsError::TooMany);
        }
        let all = list
            .into_iter()
            .enumerate()
            .map(|(at, of)| known(at + 1, of));
        Ok(Self {
            all: all.collect::<Result<_, _>>()?,
        })
    }

    /// How often each exception was used.
    pub fn used(&self) -> impl Iterator<Item = (&Exception, u64)> {
        self.all
            .iter()
            .map(|known| (&known.exception, known.used.load(Ordering::Relaxed)))
    }

    /// The place in the list of the first exception that is for the finding; its use is counted.
    #[must_use]
    pub fn cover(&self, finding: &Finding) -> Option<usize> {
        let place = self.all.iter().position(|known| known.is_for(finding))?;
        self.all[place].used.fetch_add(1, Ordering::Relaxed);
        Some(place)
    }
}

fn known(number: usize, exception: Exception) -> Result<Known, ExceptionsError> {
    let Exception {
        rule,
        tenant,
        user,
        address,
        application,
        reason,
        author,
        ..
    } = &exception;
    if [rule, tenant, user, address, application]
        .iter()
        .all(|of| of.is_none())
    {
        return Err(ExceptionsError::Everything(number));
    }
    if reason.trim().is_empty() || author.trim().is_empty() {
        return Err(ExceptionsError::Unexplained(number));
    }
    let network = address.as_ref().map(|of| {
        of.parse()
            .or_else(|_| of.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| ExceptionsError::Address(number))
    });
    Ok(Known {
        network: network.transpose()?,
        exception,
        used: AtomicU64::new(0),
    })
}

impl Known {
    fn is_for(&self, finding: &Finding) -> bool {
        let Exception {
            rule,
            tenant,
            user,
            application,
            until,
            ..
        } = &self.exception;
        let is = |wanted: &Option<String>, there: Option<&str>| match wanted {
            None => true,
            Some(wanted) => there.is_some_and(|of| of.to_lowercase() == wanted.to_lowercase()),
        };
        let is_from = self.network.is_none_or(|network| {
            let endpoints = finding.endpoints.iter().map(|of| &of.address);
            let addresses = finding.address.iter().chain(endpoints);
            let mut addresses = addresses.filter_map(|of| of.parse::<IpAddr>().ok());
            addresses.any(|of| network.contains(&of))
        });
        finding.last <= until.as_second()
            && is(rule, Some(&finding.rule.id))
            && is(tenant, Some(&finding.tenant))
            && is(user, finding.user.as_deref())
            && is(application, finding.application.as_deref())
            && is_from
    }
}
