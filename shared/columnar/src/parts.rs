//! Events in, files out: rows of several classes and days at once, within a bound of memory.

use std::collections::BTreeMap;
use std::fmt;

use crate::columns::{CLASSES, Class};
use crate::encode::{EncodeError, Encoder};
use crate::rows::{Head, NotAnEvent, Rows};
use crate::tape::Mark;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A day in UTC, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i32);

impl Day {
    /// The day of a time in milliseconds since 1970.
    fn of(time_ms: i64) -> Self {
        // Times are bounded to years of four digits.
        Self(time_ms.div_euclid(DAY_MS) as i32)
    }
}

impl fmt::Display for Day {
    /// `YYYYMMDD`, as Security Lake's `eventDay`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Years that begin in March put the leap day at their end; 146,097 days are 400 years.
        let days = i64::from(self.0) + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + i64::from(month <= 2);
        write!(f, "{year:04}{month:02}{day:02}")
    }
}

/// A file, whole.
#[derive(Debug)]
pub struct Part {
    /// Every row's class.
    pub class: &'static Class,
    /// The day of every row's `time`.
    pub day: Day,
    /// Which file of its class and day this is, from 0.
    pub number: u32,
    /// Events in it.
    pub rows: usize,
    /// The Parquet file: one row group, rows by `time`, then `metadata.uid`, then in the order they came.
    pub bytes: Vec<u8>,
}

/// Rows by class (as its place in [`CLASSES`]) and day.
type Place = (usize, Day);

/// Events that wait to become files.
///
/// What is in which file is a function of the lines, their order, and the calls of [`Parts::take_largest`]; nothing else.
#[derive(Debug, Default)]
pub struct Parts {
    open: BTreeMap<Place, Rows>,
    numbers: BTreeMap<Place, u32>,
    marks: BTreeMap<Place, Mark>,
    bytes: usize,
    encoder: Encoder,
}

impl Parts {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The memory that the rows take, about, in bytes. Making a file of them takes nearly as much once more.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets a mark to which [`Parts::roll_back`] goes back.
    pub fn mark(&mut self) {
        let open = self.open.iter_mut();
        self.marks = open.map(|(place, rows)| (*place, rows.mark())).collect();
    }

    /// Forgets what came after the mark. No part may have been taken since.
    pub fn roll_back(&mut self) {
        let marks = &self.marks;
        self.open.retain(|place, rows| match marks.get(place) {
            Some(mark) => {
                rows.roll_back(*mark);
                true
            }
            None => false,
        });
        self.bytes = self.open.values().map(Rows::bytes).sum();
    }

    /// Adds the event of one line, without its line break.
    ///
    /// # Errors
    /// [`NotAnEvent`]; then nothing is added.
    pub fn push(&mut self, line: &[u8]) -> Result<(), NotAnEvent> {
        // Most lines are ASCII, which is sooner known.
        if !line.is_ascii() && std::str::from_utf8(line).is_err() {
            return Err(NotAnEvent::NotUtf8);
        }
        let head = Head::of(line)?;
        let at = Class::index_of(head.class_uid);
        let Some(class) = CLASSES.get(at) else {
            return Err(NotAnEvent::NoClass);
        };
        let place = (at, Day::of(head.time_ms));
        let rows = self.open.entry(place).or_insert_with(|| Rows::new(class));
        let before = if rows.len() == 0 { 0 } else { rows.bytes() };
        let pushed = rows.push(line, head.time_ms);
        if rows.len() == 0 {
            self.open.remove(&place);
        } else {
            self.bytes += rows.bytes() - before;
        }
        Ok(pushed?)
    }

    /// Makes a file of the class and day whose rows take the most memory; of several, the first. None when there are no rows.
    ///
    /// # Errors
    /// [`EncodeError`]; the rows are lost.
    pub fn take_largest(&mut self) -> Result<Option<Part>, EncodeError> {
        let largest = self
            .open
            .iter()
            .rev()
            .max_by_key(|(_, rows)| rows.bytes())
            .map(|(place, _)| *place);
        let Some((place, rows)) = largest.and_then(|place| self.open.remove_entry(&place)) else {
            return Ok(None);
        };
        self.bytes -= rows.bytes();
        let next = self.numbers.entry(place).or_default();
        let number = *next;
        *next += 1;
        Ok(Some(Part {
            class: rows.class,
            day: place.1,
            number,
            rows: rows.len(),
            bytes: self.encoder.encode(rows)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(class: i32, day: i64, message: &str) -> String {
        format!(
            r#"{{"class_uid":{class},"time":{},"message":"{message}"}}"#,
            day * DAY_MS + 5
        )
    }

    fn parts(lines: &[String]) -> Parts {
        let mut parts = Parts::new();
        lines
            .iter()
            .for_each(|line| parts.push(line.as_bytes()).unwrap());
        parts
    }

    #[test]
    fn days_are_written_as_security_lake_does() {
        let check = |time_ms, expect: &str| assert_eq!(Day::of(time_ms).to_string(), expect);
        check(0, "19700101");
        check(-1, "19691231");
        check(951_782_400_000, "20000229");
        check(1_772_409_599_999, "20260301");
        check(1_772_409_600_000, "20260302");
        check(-62_135_596_800_000, "00010101");
        check(253_402_300_799_999, "99991231");
    }

    #[test]
    fn a_file_is_of_one_class_and_day_and_the_largest_is_the_first() {
        let mut parts = parts(&[
            line(3002, 1, "a"),
            line(6006, 1, "b"),
            line(3002, 2, &"long".repeat(10_000)),
            line(6006, 1, "c"),
        ]);
        let mut taken = Vec::new();
        while let Some(part) = parts.take_largest().unwrap() {
            taken.push((part.class.uid, part.day.to_string(), part.number, part.rows));
        }
        let expect = |class, day: &str, rows| (class, day.to_owned(), 0, rows);
        assert_eq!(taken[0], expect(3002, "19700103", 1));
        taken.sort();
        assert_eq!(
            taken,
            [
                expect(3002, "19700102", 1),
                expect(3002, "19700103", 1),
                expect(6006, "19700102", 2)
            ]
        );
        assert_eq!(parts.bytes(), 0);
        parts.push(line(3002, 1, "d").as_bytes()).unwrap();
        assert_eq!(parts.take_largest().unwrap().unwrap().number, 1);
    }

    #[test]
    fn what_came_after_the_mark_is_forgotten() {
        let (first, second) = (line(3002, 1, "a"), line(6006, 1, "b"));
        let mut parts = parts(std::slice::from_ref(&first));
        let bytes = parts.bytes();
        parts.mark();
        for line in [&first, &second, &first] {
            parts.push(line.as_bytes()).unwrap();
        }
        assert!(parts.bytes() > bytes);
        parts.roll_back();
        assert_eq!(parts.bytes(), bytes);
        let part = parts.take_largest().unwrap().unwrap();
        assert_eq!((part.class.uid, part.rows), (3002, 1));
        assert!(parts.take_largest().unwrap().is_none());
    }

    #[test]
    fn what_was_forgotten_has_no_say_in_how_much_the_rest_takes() {
        let object =
            |from: usize| (from..from + 20).map(|at| line(3002, 1, &format!("{}", at % 7)));
        let after = |forgotten: &[String]| {
            let mut parts = parts(&object(0).collect::<Vec<_>>());
            parts.mark();
            for line in forgotten {
                parts.push(line.as_bytes()).unwrap();
            }
            parts.roll_back();
            parts.mark();
            object(3).for_each(|line| parts.push(line.as_bytes()).unwrap());
            (parts.bytes(), parts.take_largest().unwrap().unwrap().bytes)
        };
        let forgotten: Vec<_> = object(5).chain([line(6006, 1, "a")]).collect();
        assert_eq!(after(&forgotten), after(&[]));
    }

    #[test]
    fn a_line_that_is_no_event_changes_nothing() {
        let mut parts = Parts::new();
        for bad in [
            &b"\xff"[..],
            b"{}",
            br#"{"class_uid":3002,"time":1"#,
            br#"{"class_uid":3002,"time":1}}"#,
        ] {
            parts.push(bad).unwrap_err();
        }
        assert_eq!(parts.bytes(), 0);
        assert!(parts.take_largest().unwrap().is_none());
    }

    #[test]
    fn the_same_lines_are_the_same_bytes() {
        let lines: Vec<_> = (0..500)
            .map(|at| line(3002, 1, &format!("message {}", at % 97)))
            .collect();
        let file = || parts(&lines).take_largest().unwrap().unwrap().bytes;
        assert_eq!(file(), file());
    }
}
