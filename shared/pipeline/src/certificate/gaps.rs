//! The stretches of time that could not be listed, by the list of losses.

use jiff::Timestamp;
use office365::{ContentType, TenantId};

use crate::clock::Hour;
use crate::store::ledger::loss::{LOSSES_PAGE_MAX, LossKind};
use crate::store::ledger::{Ledger, LedgerError};

/// Pages of losses that are looked through for gaps: 2,000 losses. Of a tenant with more of them no hour is called complete.
const PAGES_MAX: usize = 10;

/// A tenant's gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gaps {
    known: Vec<(ContentType, Timestamp, Timestamp)>,
    are_all_known: bool,
}

impl Gaps {
    /// These, and no others.
    #[must_use]
    pub fn of(known: Vec<(ContentType, Timestamp, Timestamp)>) -> Self {
        Self {
            known,
            are_all_known: true,
        }
    }

    /// A tenant's gaps, by its list of losses.
    ///
    /// # Errors
    /// [`LedgerError`]
    pub async fn read(ledger: &Ledger, tenant: TenantId) -> Result<Self, LedgerError> {
        let mut gaps = Self {
            known: Vec::new(),
            are_all_known: false,
        };
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = ledger
                .losses(tenant, after.as_ref(), LOSSES_PAGE_MAX)
                .await?;
            let found = page.losses.iter().filter(|of| of.kind == LossKind::Gap);
            gaps.known
                .extend(found.map(|loss| (loss.content_type, loss.from, loss.to)));
            after = page.next;
            if after.is_none() {
                gaps.are_all_known = true;
                break;
            }
        }
        Ok(gaps)
    }

    /// Whether a part of the hour is in one.
    #[must_use]
    pub fn touch(&self, of: ContentType, hour: Hour) -> bool {
        self.known.iter().any(|(content_type, from, to)| {
            *content_type == of && *from < hour.end() && *to > hour.start()
        })
    }

    /// Whether there is none that was not read.
    #[must_use]
    pub fn are_all_known(&self) -> bool {
        self.are_all_known
    }
}
