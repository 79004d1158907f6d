//! `travel`: the condition that two records of a group are too far apart for the time between.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;

use super::about::About;
use super::correlation::{Correlation, SPAN_MAX};
use super::refusal::UnusableRule;
use super::set::seconds;

/// Speeds that a rule may ask for, in km/h: the fastest craft is below that.
const SPEED_MAX: u32 = 100_000;

/// Half the earth's girth, in km: nothing is further apart.
const DISTANCE_MAX: u32 = 20_000;

/// Networks that a rule may leave out: each is compared with each record.
const EXCEPT_MAX: usize = 1_000;

/// `travel` as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TravelText {
    pub(super) by: Vec<String>,
    within: String,
    #[serde(default = "airliner")]
    speed: u32,
    #[serde(default = "beyond_errors")]
    distance: u32,
    #[serde(default)]
    except: Vec<String>,
}

/// What airliners fly at, in km/h.
fn airliner() -> u32 {
    1_000
}

/// Distances below which files of places are often wrong, in km.
fn beyond_errors() -> u32 {
    500
}

/// What must be between two records, read.
#[derive(Debug)]
pub(crate) struct Travel {
    /// Faster is impossible, in km/h.
    pub(crate) speed: u32,
    /// Nearer is no travel, in km.
    pub(crate) distance: u32,
    /// Networks whose addresses do not tell where somebody is.
    pub(crate) except: Vec<IpNet>,
}

impl Correlation {
    /// The correlation of a rule with `travel`: the rule, at this place, is its one base.
    pub(super) fn of_travel(
        text: TravelText,
        about: Arc<About>,
        base: usize,
    ) -> Result<Self, UnusableRule> {
        let wrong = |what: &str| UnusableRule::Extra(format!("travel: {what}"));
        let within = seconds(&text.within)?;
        if !(1..=SPAN_MAX).contains(&within) {
            return Err(wrong("within is not between a second and 30 days"));
        }
        if text.by.is_empty() {
            return Err(wrong("by names no field"));
        }
        if !(1..=SPEED_MAX).contains(&text.speed) || !(1..=DISTANCE_MAX).contains(&text.distance) {
            return Err(wrong(
                "a speed (km/h) or distance (km) that is not on earth",
            ));
        }
        if text.except.len() > EXCEPT_MAX {
            return Err(wrong("too many networks in except"));
        }
        let except = text.except.iter().map(|of| {
            let network = of.parse::<IpNet>();
            let network = network.or_else(|_| of.parse::<IpAddr>().map(IpNet::from));
            network
                .map_err(|_| wrong("an address in except is neither an IP address nor a network"))
        });
        let travel = Travel {
            speed: text.speed,
            distance: text.distance,
            except: except.collect::<Result<_, _>>()?,
        };
        Ok(Self {
            about,
            bases: vec![base],
            fields: vec![text.by.clone()],
            group: text.by,
            span: within,
            need: 2,
            counted: Vec::new(),
            travel: Some(travel),
        })
    }
}
