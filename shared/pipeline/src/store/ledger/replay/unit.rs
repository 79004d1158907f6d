//! A content type and a day of a replay, and where it stands.

use std::fmt::{self, Display};
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use office365::{ContentId, ContentType};

use crate::clock::Hour;

/// Hours of a day.
const HOURS: u8 = 24;

/// A content type and a day of contentCreated, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    /// The content type.
    pub content_type: ContentType,
    /// The day.
    pub day: Date,
}

/// How far a unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// Everything before this hour of the day is done, and of this hour every blob up to this one, in the order of their ids.
    At {
        /// 0 to 23.
        hour: u8,
        /// The last blob that is done; none at the hour's begin.
        after: Option<ContentId>,
    },
    /// All of it is done.
    Done,
}

/// Not a position as [`Position`] writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position within a day")]
pub struct InvalidPosition;

/// A unit and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitProgress {
    /// The unit.
    pub unit: Unit,
    /// Where it stands.
    pub position: Position,
}

impl Unit {
    /// All units of a period, day by day.
    pub(super) fn all(types: &[ContentType], from: Timestamp, to: Timestamp) -> Vec<Self> {
        let mut days: Vec<Date> = Hour::between(from, to)
            .map(|hour| hour.start().to_zoned(TimeZone::UTC).date())
            .collect();
        days.dedup();
        let of_day = |day: Date| types.iter().map(move |content_type| (day, *content_type));
        days.into_iter()
            .flat_map(of_day)
            .map(|(day, content_type)| Self { content_type, day })
            .collect()
    }

    /// The attribute that its position is in.
    pub(super) fn attribute(&self) -> String {
        format!("unit#{}#{}", self.content_type, self.day)
    }

    /// An hour of the day.
    #[must_use]
    pub fn hour(&self, hour: u8) -> Hour {
        let hour = i8::try_from(hour.min(HOURS - 1)).unwrap_or(0);
        let start = self.day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC);
        Hour::of(start.map_or(Timestamp::MIN, |start| start.timestamp()))
    }
}

impl Position {
    /// Nothing is done.
    pub const START: Self = Self::At {
        hour: 0,
        after: None,
    };

    /// When this hour of the day is done.
    #[must_use]
    pub fn behind(hour: u8) -> Self {
        if hour + 1 < HOURS {
            Self::At {
                hour: hour + 1,
                after: None,
            }
        } else {
            Self::Done
        }
    }
}

impl Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { hour, after: None } => write!(f, "{hour:02}"),
            Self::At {
                hour,
                after: Some(after),
            } => write!(f, "{hour:02} {after}"),
            Self::Done => f.write_str("done"),
        }
    }
}

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "done" {
            return Ok(Self::Done);
        }
        let (hour, after) = match text.split_once(' ') {
            None => (text, None),
            Some((hour, after)) => (hour, Some(after.parse().map_err(|_| InvalidPosition)?)),
        };
        match hour.parse() {
            Ok(hour) if hour < HOURS => Ok(Self::At { hour, after }),
            _ => Err(InvalidPosition),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_as_it_is_written() {
        for text in ["00", "07", "23 a$b", "done"] {
            let position: Position = text.parse().unwrap();
            assert_eq!(position.to_string(), text);
        }
        for other in ["", "24", "x", "07 "] {
            assert_eq!(other.parse::<Position>(), Err(InvalidPosition), "{other}");
        }
        assert_eq!(Position::behind(22), "23".parse().unwrap());
        assert_eq!(Position::behind(23), Position::Done);
    }

    #[test]
    fn a_period_has_a_unit_for_each_type_and_day_it_touches() {
        let types = [ContentType::AuditExchange, ContentType::DlpAll];
        let at = |text: &str| text.parse().unwrap();
        let units = Unit::all(
            &types,
            at("2026-03-01T22:30:00Z"),
            at("2026-03-03T00:00:00Z"),
        );
        let names: Vec<_> = units.iter().map(Unit::attribute).collect();
        assert_eq!(
            names,
            [
                "unit#Audit.Exchange#2026-03-01",
                "unit#DLP.All#2026-03-01",
                "unit#Audit.Exchange#2026-03-02",
                "unit#DLP.All#2026-03-02"
            ]
        );
        assert_eq!(units[0].hour(7).to_string(), "2026-03-01T07");
    }
}
