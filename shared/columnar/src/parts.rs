//! Events in, files out: rows of several classes and days at once, within a bound of memory.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::columns::{CLASSES, Class};
use crate::encode::{EncodeError, encode};
use crate::event::{Event, NotAnEvent};
use crate::shred::Rows;

/// A file, whole.
#[derive(Debug)]
pub struct Part {
    /// Every row's class.
    pub class: &'static Class,
    /// The day of every row's `time`, in UTC.
    pub day: Date,
    /// Which file of its class and day this is, from 0.
    pub number: u32,
    /// Events in it.
    pub rows: usize,
    /// The Parquet file: one row group, rows by `time`, then `metadata.uid`, then in the order they came.
    pub bytes: Vec<u8>,
}

/// What the rows of a file have in common: their class, as its place in [`CLASSES`], and their day.
type Key = (usize, Date);

/// Events that wait to become files.
///
/// What is in which file is a function of the lines, their order, and the calls of [`Parts::take_largest`]; nothing else.
#[derive(Debug, Default)]
pub struct Parts {
    open: BTreeMap<Key, Rows>,
    /// Files taken.
    taken: BTreeMap<Key, u32>,
    /// The rows there were at the savepoint.
    savepoint: BTreeMap<Key, usize>,
    bytes: usize,
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

    /// Sets the savepoint to which [`Parts::roll_back`] goes back.
    pub fn set_savepoint(&mut self) {
        let open = self.open.iter();
        self.savepoint = open.map(|(key, rows)| (*key, rows.len())).collect();
    }

    /// Forgets what came after the savepoint. No part may have been taken since.
    pub fn roll_back(&mut self) {
        let savepoint = &self.savepoint;
        self.open.retain(|key, rows| {
            let count = savepoint.get(key);
            count.inspect(|count| rows.truncate(**count)).is_some()
        });
        self.bytes = self.open.values().map(Rows::bytes).sum();
    }

    /// Adds the event of one line, without its line break.
    ///
    /// # Errors
    /// [`NotAnEvent`]; then nothing is added.
    pub fn push(&mut self, line: &[u8]) -> Result<(), NotAnEvent> {
        let event = Event::read(line)?;
        let class = Class::index_of(event.class_uid);
        let key = (class, event.day);
        let rows = self
            .open
            .entry(key)
            .or_insert_with(|| Rows::new(&CLASSES[class]));
        let before = rows.bytes();
        let pushed = rows.push(&event);
        self.bytes += rows.bytes() - before;
        if rows.len() == 0 {
            self.open.remove(&key);
        }
        pushed
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
            .map(|(key, _)| *key);
        let Some((key, rows)) = largest.and_then(|key| self.open.remove_entry(&key)) else {
            return Ok(None);
        };
        self.bytes -= rows.bytes();
        let taken = self.taken.entry(key).or_default();
        let number = *taken;
        *taken += 1;
        Ok(Some(Part {
            class: rows.class,
            day: key.1,
            number,
            rows: rows.len(),
            bytes: encode(rows)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

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
    fn a_file_is_of_one_class_and_day_and_the_largest_is_the_first() {
        let mut parts = parts(&[
            line(3002, 1, "a"),
            line(6006, 1, "b"),
            line(3002, 2, &"long".repeat(10_000)),
            line(6006, 1, "c"),
        ]);
        let mut taken = Vec::new();
        while let Some(part) = parts.take_largest().unwrap() {
            taken.push((part.class.uid, part.day, part.number, part.rows));
        }
        let expect = |class, day, rows| (class, date(1970, 1, day), 0, rows);
        assert_eq!(taken[0], expect(3002, 3, 1));
        taken.sort();
        assert_eq!(
            taken,
            [expect(3002, 2, 1), expect(3002, 3, 1), expect(6006, 2, 2)]
        );
        assert_eq!(parts.bytes(), 0);
        parts.push(line(3002, 1, "d").as_bytes()).unwrap();
        assert_eq!(parts.take_largest().unwrap().unwrap().number, 1);
    }

    #[test]
    fn what_came_after_the_savepoint_is_forgotten() {
        let (first, second) = (line(3002, 1, "a"), line(6006, 1, "b"));
        let mut parts = parts(std::slice::from_ref(&first));
        let bytes = parts.bytes();
        parts.set_savepoint();
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
            parts.set_savepoint();
            for line in forgotten {
                parts.push(line.as_bytes()).unwrap();
            }
            parts.roll_back();
            parts.set_savepoint();
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
