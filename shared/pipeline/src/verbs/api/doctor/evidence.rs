//! What the checks are made of: everything that was asked, and what came of it. Judging it calls nobody.

use std::collections::BTreeMap;

use jiff::Timestamp;
use office365::{
    ContentType, CredentialReport, Disposition, Error, Failure, Scope, TenantTrouble, TokenFacts,
    TokenReport, Webhook,
};

use crate::store::ledger::blob::{OpenBlob, Standing};
use crate::store::ledger::loss::LossPage;
use crate::store::ledger::registry::{Registered, Subscription};
use crate::store::ledger::sweep::SweepState;

/// What came of asking Microsoft for something.
#[derive(Debug)]
pub(super) enum Heard<T> {
    /// An answer.
    Answer(T),
    /// An error, Microsoft's or the network's.
    Error(Error),
    /// No answer within the time of a check.
    Late,
    /// It was not asked, because what it needs was not there.
    NotAsked,
}

/// What Microsoft lists of one content type in the last hour.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lately {
    pub(super) blobs: usize,
    /// When the newest became available.
    pub(super) newest: Option<Timestamp>,
}

/// What our own stores answered; the error says which of them did not, and how.
pub(super) type Asked<T> = Result<T, String>;

/// Everything that was asked.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) now: Timestamp,
    pub(super) registered: Registered,
    pub(super) sweep: Asked<Option<SweepState>>,
    pub(super) open: Asked<Vec<OpenBlob>>,
    pub(super) losses: Asked<LossPage>,
    /// Blobs of the last hours, of all content types.
    pub(super) recent: Asked<Vec<Standing>>,
    /// Requests that the tenant had in this minute.
    pub(super) requests: Asked<u32>,
    /// Messages in the content queue.
    pub(super) queue: Asked<u64>,
    pub(super) credential: Option<CredentialReport>,
    /// None when the login host did not answer in time.
    pub(super) token: Option<TokenReport>,
    pub(super) subscriptions: Heard<Vec<office365::Subscription>>,
    pub(super) lately: BTreeMap<ContentType, Heard<Lately>>,
    /// What each subscription should have as its webhook; empty when this installation has none.
    pub(super) wanted: Asked<BTreeMap<ContentType, Webhook>>,
    /// What our own webhook answered to a call like Microsoft's. None when there is no webhook, and an error for no answer in
    /// time.
    pub(super) webhook: Option<Result<u16, Option<Failure>>>,
}

impl Evidence {
    /// What the new token says, if there is one.
    pub(super) fn facts(&self) -> Option<&TokenFacts> {
        self.token.as_ref()?.token.as_ref().ok()
    }

    /// Why there is no new token.
    pub(super) fn token_error(&self) -> Option<&Error> {
        self.token.as_ref()?.token.as_ref().err()
    }

    /// How far the login host's clock is ahead of ours, in seconds.
    pub(super) fn skew(&self) -> Option<i64> {
        let date = self.token.as_ref()?.server_date?;
        // It is the date in whole seconds, and the present between two of them.
        Some(date.as_second() - self.now.as_second())
    }

    pub(super) fn types(&self) -> impl Iterator<Item = (ContentType, &Subscription)> {
        let all = self.registered.subscriptions.iter();
        all.map(|(of, known)| (*of, known))
    }

    /// The subscription as Microsoft lists it; `None` when it lists none of the type, or nothing was listed.
    pub(super) fn listed(&self, of: ContentType) -> Option<&office365::Subscription> {
        match &self.subscriptions {
            Heard::Answer(all) => all.iter().find(|seen| seen.content_type == of),
            _ => None,
        }
    }

    /// Errors of the API, of all calls.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Error> {
        let of_types = self.lately.values().map(Heard::error);
        of_types.chain([self.subscriptions.error()]).flatten()
    }

    /// Whether a call was answered with an error of this meaning.
    pub(super) fn was_answered(&self, disposition: Disposition) -> bool {
        self.errors()
            .any(|error| error.disposition() == disposition)
    }

    /// Whether Microsoft, or our own breaker in its name, asked for fewer requests.
    pub(super) fn is_throttled(&self) -> bool {
        let throttled = |error: &Error| {
            matches!(
                error.scope(),
                Scope::Tenant(TenantTrouble::Throttled { .. })
            )
        };
        self.errors().any(throttled) || self.token_error().is_some_and(throttled)
    }

    /// When content last came, of any type.
    pub(super) fn last_content(&self) -> Option<Timestamp> {
        self.types()
            .filter_map(|(_, known)| known.last_content_at)
            .max()
    }
}

impl<T> Heard<T> {
    pub(super) fn error(&self) -> Option<&Error> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }
}
