//! A place of an address, in OCSF's terms.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The earth's mean radius in km, by IUGG.
const EARTH_KM: f64 = 6_371.008_8;

/// Parts of a degree that are told apart: four digits, some 11 m, as the files have them.
const PARTS: f64 = 10_000.0;

/// What is known of an address. As JSON it is what OCSF has in an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Whose network it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autonomous_system: Option<AutonomousSystem>,
}

/// A place on earth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// ISO 3166-1 alpha-2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The city's English name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Latitude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<Degrees>,
    /// Longitude.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long: Option<Degrees>,
    /// The kilometres around it within which the address likely is. OCSF has no number for it.
    #[serde(default, skip_serializing)]
    pub accuracy_km: Option<u16>,
}

/// A network of the internet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutonomousSystem {
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Who runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An angle in ten-thousandths of a degree, of 180 degrees at most to either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Degrees(i32);

/// A spot on earth, and how far from it the address may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) lat: Degrees,
    pub(crate) long: Degrees,
    pub(crate) accuracy_km: u16,
}

impl Degrees {
    /// `None` for what is no angle of 180 degrees at most.
    #[must_use]
    pub fn new(degrees: f64) -> Option<Self> {
        // Not so for NaN either.
        let is_angle = degrees.abs() <= 180.0;
        is_angle.then(|| Self((degrees * PARTS).round() as i32))
    }

    /// The angle in degrees.
    #[must_use]
    pub fn get(self) -> f64 {
        f64::from(self.0) / PARTS
    }
}

impl Serialize for Degrees {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.get())
    }
}

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let degrees = f64::deserialize(deserializer)?;
        Self::new(degrees)
            .ok_or_else(|| serde::de::Error::custom("an angle has 180 degrees at most"))
    }
}

impl Location {
    /// The spot; `None` when it is not known, or its latitude is beyond the poles.
    pub(crate) fn point(&self) -> Option<Point> {
        let (lat, long) = (self.lat?, self.long?);
        (lat.get().abs() <= 90.0).then_some(Point {
            lat,
            long,
            accuracy_km: self.accuracy_km.unwrap_or(0),
        })
    }
}

impl Point {
    /// Kilometres from one spot to the other along a great circle, by the haversine formula.
    /// <https://en.wikipedia.org/wiki/Haversine_formula>
    pub(crate) fn km_to(self, other: Self) -> f64 {
        let radians = |of: Degrees| of.get().to_radians();
        let (from, to) = (radians(self.lat), radians(other.lat));
        let half_lat = ((to - from) / 2.0).sin();
        let half_long = ((radians(other.long) - radians(self.long)) / 2.0).sin();
        let of = half_lat.powi(2) + from.cos() * to.cos() * half_long.powi(2);
        // Rounding can lead beyond 1 for antipodes.
        2.0 * EARTH_KM * of.min(1.0).sqrt().asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(lat: f64, long: f64) -> Point {
        Point {
            lat: Degrees::new(lat).unwrap(),
            long: Degrees::new(long).unwrap(),
            accuracy_km: 0,
        }
    }

    #[test]
    fn distances_are_those_of_great_circles() {
        let check = |a: Point, b: Point, km: f64| {
            assert!((a.km_to(b) - km).abs() < 1.0, "{}", a.km_to(b));
            assert_eq!(a.km_to(b).to_bits(), b.km_to(a).to_bits());
        };
        check(point(52.5244, 13.4105), point(53.5507, 9.993), 255.0);
        check(point(0.0, 179.5), point(0.0, -179.5), 111.2);
        check(point(0.0, 0.0), point(0.0, 180.0), 20_015.1);
        check(point(90.0, 0.0), point(-90.0, 77.0), 20_015.1);
        check(point(10.0, 20.0), point(10.0, 20.0), 0.0);
    }

    #[test]
    fn what_is_no_angle_is_no_spot() {
        for bad in [f64::NAN, f64::INFINITY, 180.1, -1e300] {
            assert_eq!(Degrees::new(bad), None);
        }
        let beyond_the_pole = Location {
            lat: Degrees::new(91.0),
            long: Degrees::new(0.0),
            ..Location::default()
        };
        assert_eq!(beyond_the_pole.point(), None);
        assert_eq!(Location::default().point(), None);
    }

    #[test]
    fn a_place_is_written_as_in_an_endpoint() {
        let text = r#"{"location":{"country":"DE","lat":52.5244,"long":13.4105},"autonomous_system":{"number":64496}}"#;
        let place: Place = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&place).unwrap(), text);
        assert!(serde_json::from_str::<Place>(r#"{"location":{"lat":500}}"#).is_err());
    }
}
