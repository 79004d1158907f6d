//! Deliberate bugs, by which the simulation shows that it would find them: docs/DELIVERY.md, "Simulation".
//!
//! They are there with the feature `teeth` alone, which only the package `tests` turns on. Without it, `bites` is a constant, and
//! the compiler leaves out what it guards.

macro_rules! teeth {
    ($($(#[doc = $told:literal])+ $tooth:ident = $name:literal,)+) => {
        /// A bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Tooth {
            $($(#[doc = $told])+ $tooth,)+
        }

        impl Tooth {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$tooth,)+];

            /// What it is called on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$tooth => $name,)+
                }
            }

            /// What is wrong with it.
            #[must_use]
            pub fn told(self) -> String {
                match self {
                    $(Self::$tooth => [$($told),+].concat().trim().to_owned(),)+
                }
            }
        }
    };
}

teeth! {
    /// Any status but 200 is a failure to Microsoft: the receiver answers 202.
    Accepted202 = "accepted-202",
    /// The receiver answers 200 although the queue did not take the blobs.
    EnqueueFailureIgnored = "enqueue-failure-ignored",
    /// Of a notification only the first blob is enqueued.
    FirstItemOnly = "first-item-only",
    /// A notification is of the tenant that its body names, and not of the one whose webhook it came to.
    TenantFromBody = "tenant-from-body",
    /// All tenants share one access token.
    TokenShared = "token-shared",
    /// A worker tells of no failed message, so that the queue forgets it.
    FailedIdNotReported = "failed-id-not-reported",
    /// How far a tenant is listed is kept in memory alone.
    WatermarkInMemory = "watermark-in-memory",
    /// The watermark moves before the window's last page.
    WatermarkFirst = "watermark-first",
    /// Only the first page of a listing is read.
    FirstPageOnly = "first-page-only",
    /// A page that fails is taken for the end of the listing.
    FailedPageEnds = "failed-page-ends",
    /// A listed blob is written down as known whether it is in the queue or not, and nobody looks for it again.
    ListedIsKnown = "listed-is-known",
    /// What Microsoft no longer lists is passed over without a loss.
    GapNotRecorded = "gap-not-recorded",
    /// The dispatcher forgets a tenant.
    TenantForgotten = "tenant-forgotten",
    /// Nobody looks after blobs that are overdue.
    OverdueForgotten = "overdue-forgotten",
    /// What waits in a backlog is enqueued again with every sweep.
    BacklogAgain = "backlog-again",
    /// Subscriptions are never repaired.
    NotHealed = "not-healed",
    /// A subscription is repaired by stopping and starting it.
    StopAndStart = "stop-and-start",
    /// Nothing keeps two starts of a subscription 15 minutes apart.
    StartsUnguarded = "starts-unguarded",
    /// AF429 is taken for a lost consent.
    ThrottledIsConsent = "throttled-is-consent",
    /// Retry-After is ignored.
    RetryAfterIgnored = "retry-after-ignored",
    /// An error page is taken for a blob without records.
    ErrorPageIsEmpty = "error-page-is-empty",
    /// A blob is done after three failed attempts.
    DroppedAfterThree = "dropped-after-three",
    /// A verdict counts answers and does not look how long they have gone on.
    VerdictByCount = "verdict-by-count",
    /// A blob is given up first, and its loss is written after that.
    LossAfterState = "loss-after-state",
    /// A blob is done before its events are written.
    DoneBeforeWritten = "done-before-written",
    /// A blob's raw copy is chosen before it is stored.
    ChosenBeforeStored = "chosen-before-stored",
    /// A record that cannot be read takes the rest of its blob with it.
    PoisonDropsBlob = "poison-drops-blob",
    /// A record of another organization is taken for the tenant's own.
    ForeignIsOwn = "foreign-is-own",
    /// Records are told apart by a hash of their bytes.
    IdIsHash = "id-is-hash",
    /// Records are claimed by the process that sees them, and by nobody else.
    ClaimsInMemory = "claims-in-memory",
    /// Records are kept by the hour of their blob, not by that of their CreationTime.
    ClaimedByBlobHour = "claimed-by-blob-hour",
    /// An attempt does not look for what one before it claimed.
    OwnEntryNotFound = "own-entry-not-found",
    /// An entry is appended without the condition that its number is free.
    AppendUnconditional = "append-unconditional",
    /// A condition that does not hold is taken for success.
    RefusedIsSuccess = "refused-is-success",
    /// What others appended to a log is passed over.
    StaleLog = "stale-log",
    /// What a process remembers of a log stays when its append has failed.
    FailedAppendKept = "failed-append-kept",
    /// Duplicates are counted as written.
    DuplicatesCounted = "duplicates-counted",
    /// A certificate is complete when Microsoft has listed the hour, whatever became of its blobs.
    CertifiedAtListing = "certified-at-listing",
    /// A replay writes to other keys.
    ReplayElsewhere = "replay-elsewhere",
    /// A finding is written without looking whether it is there.
    FindingUnlooked = "finding-unlooked",
    /// A correlation's records are added once, and not when the attempt is repeated.
    WindowJoinedOnce = "window-joined-once",
    /// Exceptions are ignored.
    ExceptionsIgnored = "exceptions-ignored",
    /// The authId of a webhook is in the log.
    AuthIdLogged = "auth-id-logged",
    /// The authId of a webhook is kept in the ledger, and shown by the API.
    AuthIdKept = "auth-id-kept",
}

#[cfg(feature = "teeth")]
thread_local! {
    static SET: std::cell::Cell<Option<Tooth>> = const { std::cell::Cell::new(None) };
}

/// Gives the program this bug, on this thread: a run has one.
#[cfg(feature = "teeth")]
pub fn set(tooth: Option<Tooth>) {
    office365::teeth::share_token(tooth == Some(Tooth::TokenShared));
    SET.set(tooth);
}

/// Whether the program has this bug.
#[cfg(feature = "teeth")]
pub(crate) fn bites(tooth: Tooth) -> bool {
    SET.get() == Some(tooth)
}

/// Whether the program has this bug: never.
#[cfg(not(feature = "teeth"))]
pub(crate) const fn bites(_: Tooth) -> bool {
    false
}
