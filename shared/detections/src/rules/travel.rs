//! `travel`: the condition that two records of a group are too far apart for the time between.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::refusal::UnusableRule;
use crate::places::Point;
use crate::record::Record;

/// Stands for a country that is not known, in what a record counts for.
pub(crate) const UNKNOWN_COUNTRY: &str = "-";

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
    pub(super) within: String,
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

impl Travel {
    pub(super) fn wrong(what: &str) -> UnusableRule {
        UnusableRule::Extra(format!("travel: {what}"))
    }

    pub(super) fn read(text: &TravelText) -> Result<Self, UnusableRule> {
        if text.by.is_empty() {
            return Err(Self::wrong("by names no field"));
        }
        if !(1..=SPEED_MAX).contains(&text.speed) || !(1..=DISTANCE_MAX).contains(&text.distance) {
            return Err(Self::wrong(
                "a speed (km/h) or distance (km) that is not on earth",
            ));
        }
        if text.except.len() > EXCEPT_MAX {
            return Err(Self::wrong("too many networks in except"));
        }
        let except = text.except.iter().map(|of| {
            let network = of.parse::<IpNet>();
            let network = network.or_else(|_| of.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                Self::wrong("an address in except is neither an IP address nor a network")
            })
        });
        Ok(Self {
            speed: text.speed,
            distance: text.distance,
            except: except.collect::<Result<_, _>>()?,
        })
    }

    /// What a record counts for; `None` where nobody knows where it was, or its address tells nothing of that.
    pub(crate) fn value(&self, record: &Record<'_>) -> Option<String> {
        let address: IpAddr = record.address()?.parse().ok()?;
        let address = address.to_canonical();
        if self.except.iter().any(|network| network.contains(&address)) {
            return None;
        }
        let location = record.place()?.location.as_ref()?;
        let Point {
            lat,
            long,
            accuracy_km,
        } = location.point()?;
        let (lat, long) = (lat.get(), long.get());
        let country = location.country.as_deref().unwrap_or(UNKNOWN_COUNTRY);
        let city = location.city.as_deref().unwrap_or_default();
        Some(format!(
            "{lat},{long},{accuracy_km} {address} {country} {city}"
        ))
    }
}
