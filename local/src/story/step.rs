//! The steps that a story tells.

/// Something that the pipeline did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Registered {
        tenant: String,
    },
    /// A subscription is being started.
    Starting {
        tenant: String,
        content_type: String,
    },
    /// Microsoft has validated a webhook.
    Validated {
        tenant: String,
        content_type: String,
    },
    /// Microsoft has notified us of blobs.
    Notified {
        tenant: String,
        content_type: String,
        /// Blobs that were enqueued.
        blobs: u64,
    },
    /// A blob is in the lake.
    Delivered {
        tenant: String,
        content_type: String,
        /// All records of the blob.
        records: u64,
        /// Records that an earlier blob had too.
        duplicate: u64,
    },
    /// A rule found something.
    Found {
        tenant: String,
        /// The same in each copy: a finding is made at least once.
        finding: String,
        /// As Sigma writes it; empty for none.
        level: String,
        title: String,
    },
    /// A sweep has compared Microsoft's list of content with the ledger.
    Swept {
        listed: u64,
        /// Blobs listed that the ledger did not know.
        unknown: u64,
        /// Blobs of the ledger that were not finished in time.
        overdue: u64,
    },
}
