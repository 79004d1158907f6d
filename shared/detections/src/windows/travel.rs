//! Two records of a group that are too far apart for the time between.
//!
//! What a record counts for is where it was: latitude, longitude and accuracy, the address, the country and the city, with blanks
//! between. So a set of such records tells everything, and no place is looked up again when it is decided.

use super::Member;
use crate::finding::Endpoint;
use crate::places::{Degrees, Location, Place, Point};
use crate::rules::{Travel, UNKNOWN_COUNTRY};

/// Places of a group in two windows that a record is compared with: those of the latest records. A person has a few.
const PLACES_MAX: usize = 64;

const HOUR: f64 = 3_600.0;

/// Where a member was.
struct Stop<'m> {
    point: Point,
    address: &'m str,
    country: Option<&'m str>,
    city: Option<&'m str>,
}

impl<'m> Stop<'m> {
    /// `None` for a value that is not of [`Travel::value`]'s making.
    fn of(member: &'m Member) -> Option<Self> {
        let mut parts = member.value.splitn(4, ' ');
        let mut numbers = parts.next()?.splitn(3, ',');
        let mut degrees = || Degrees::new(numbers.next()?.parse().ok()?);
        let (lat, long) = (degrees()?, degrees()?);
        let accuracy_km = numbers.next()?.parse().ok()?;
        let mut text = || parts.next().filter(|of| !of.is_empty());
        Some(Self {
            point: Point {
                lat,
                long,
                accuracy_km,
            },
            address: text()?,
            country: text().filter(|of| *of != UNKNOWN_COUNTRY),
            city: text(),
        })
    }
}

/// The first two members that cannot both be true, of which the first is one of the `starts`. All are in the order of time.
///
/// For a member, the latest one before it at each other place leaves the shortest time, so only these are compared.
pub(super) fn pair<'m>(
    rule: &Travel,
    span: i64,
    all: &[&'m Member],
    starts: usize,
) -> Option<[&'m Member; 2]> {
    // By place, those that were there last at the end.
    let mut latest: Vec<(Point, &'m Member)> = Vec::new();
    for (at, member) in all.iter().enumerate() {
        let Some(Stop { point, .. }) = Stop::of(member) else {
            continue;
        };
        let before = latest.iter().find(|(place, before)| {
            let seconds = member.time.saturating_sub(before.time);
            // A record can come twice, looked up in two editions of a file.
            before.record != member.record
                && seconds <= span
                && is_impossible(rule, *place, point, seconds)
        });
        if let Some((_, before)) = before {
            return Some([before, member]);
        }
        if at < starts {
            latest.retain(|(place, _)| *place != point);
            if latest.len() == PLACES_MAX {
                latest.remove(0);
            }
            latest.push((point, member));
        }
    }
    None
}

fn is_impossible(rule: &Travel, from: Point, to: Point, seconds: i64) -> bool {
    let km = least_km(from, to);
    km >= f64::from(rule.distance) && km * HOUR > f64::from(rule.speed) * seconds as f64
}

/// What surely lies between two addresses: each may be anywhere within its accuracy.
fn least_km(from: Point, to: Point) -> f64 {
    from.km_to(to) - f64::from(from.accuracy_km) - f64::from(to.accuracy_km)
}

/// The addresses of members with their places.
pub(crate) fn endpoints(members: &[&Member]) -> Vec<Endpoint> {
    let stops = members.iter().filter_map(|member| Stop::of(member));
    let endpoints = stops.map(|stop| Endpoint {
        address: stop.address.to_owned(),
        place: Place {
            location: Some(Location {
                country: stop.country.map(str::to_owned),
                city: stop.city.map(str::to_owned),
                lat: Some(stop.point.lat),
                long: Some(stop.point.long),
                accuracy_km: Some(stop.point.accuracy_km),
            }),
            autonomous_system: None,
        },
    });
    endpoints.collect()
}

/// The way between the two members, and the time for it, as a finding tells them.
pub(crate) fn told(members: &[&Member]) -> Vec<(String, String)> {
    let [first, last] = members else {
        return Vec::new();
    };
    let (Some(from), Some(to)) = (Stop::of(first), Stop::of(last)) else {
        return Vec::new();
    };
    let km = least_km(from.point, to.point).round();
    let seconds = last.time.saturating_sub(first.time);
    vec![
        ("distance_km".to_owned(), km.to_string()),
        ("seconds".to_owned(), seconds.to_string()),
    ]
}

#[cfg(test)]
mod tests;
