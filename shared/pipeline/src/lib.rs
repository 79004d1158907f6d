//! The eight verbs of ualstream and what they keep.
//!
//! * [`receive`]: Microsoft's webhook call in, content descriptors on SQS out.
//! * [`fetch`]: one descriptor in, the blob's raw copy and OCSF events in the lake, the ledger settled.
//! * [`api`]: the operator's API: tenants in and out, how they stand, and their events.
//! * [`reconcile`]: what should be against what is: webhooks healed, unknown blobs enqueued.
//! * [`compact`]: the small objects of events of an hour, merged into Parquet files.
//! * [`forward`]: where it is wanted, each object of events, line by line into a Firehose stream.
//! * [`detect`]: each raw copy's records tried by the rules, and what they find kept and announced.
//! * [`notify`]: where it is wanted, each finding to a webhook, signed.
//!
//! Besides, by hand: [`restore`] tells a ledger that was lost which blob each record belongs to.
//!
//! They keep a [`ledger`] (DynamoDB), a [`queue`] (SQS) and a [`lake`] (S3, or a folder), all over the real wire protocols:
//! local mode and the tests run this very code against embedded servers. [`wiring`] builds each verb from its [`settings`].
//!
//! Modules name only what stands below them:
//!
//! ```text
//! wiring
//! verbs: receive  fetch  register  reconcile  compact  forward  detect  notify  restore
//!        subscription (register and reconcile: all of it; receive: its webhook)  timeline (api)
//! certificate  replay (register; reconcile writes certificates, fetch runs replays)
//! settings  microsoft
//! store: ledger  queue  lake  detections
//! aws  backoff  clock  content  logging  metrics  response  teeth (deliberate bugs, of the simulation alone)
//! ```
//!
//! **Invariants.** No storage traits. Nothing here reads the clock ([`clock::Clock`] is an argument) or, outside
//! [`settings`], the environment. Nothing here starts an HTTP server. No log line carries a token, a key or a record.

pub mod aws;
mod backoff;
pub mod certificate;
pub mod clock;
pub mod content;
pub mod logging;
pub mod metrics;
pub mod microsoft;
pub mod replay;
pub mod response;
pub mod settings;
mod store;
pub mod teeth;
mod verbs;
pub mod wiring;

pub use store::{detections, lake, ledger, queue, waiting};
pub use verbs::{
    api, compact, detect, fetch, forward, notify, receive, reconcile, restore, subscription,
    timeline,
};
