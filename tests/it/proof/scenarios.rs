//! Scenarios that are told by name: the house and the oracle of the simulation, and for each an expectation of its own on top.
//!
//! A test takes some seconds: time passes in ticks of two hours where nothing depends on less, and Microsoft publishes four times a day.

mod aws;
mod ledger;
mod microsoft;
mod tenants;

use std::time::Duration;

use tests::sim::scene::Pace;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// For what lasts for days: each tick is a dozen sweeps or more in one.
const COARSE: Pace = Pace {
    tick: Duration::from_secs(2 * 60 * 60),
    publish_every: Duration::from_secs(6 * 60 * 60),
    records: 3,
};

/// For what lasts for hours: a tick is the longest time between two sweeps of a tenant.
const FINE: Pace = Pace {
    tick: Duration::from_secs(15 * 60),
    publish_every: HOUR,
    records: 3,
};
