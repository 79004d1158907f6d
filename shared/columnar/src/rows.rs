//! Events of one class and day, taken apart into columns as they are read.

use std::ops::Range;

use crate::column::{Column, Entry, Values};
use crate::columns::{Class, Member, Node, Shape, Type};
use crate::json::{Cursor, Syntax, Text, unescape};
use crate::unmapped::{Leftover, merge};

/// Times that a reader can show: the years 1 to 9999, in milliseconds since 1970.
const TIME_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Attributes that are tried, from the expected one on, before a name is read.
const LIKELY: usize = 4;

/// Memory that an empty column takes, about: so that many small sets of rows count for what they are.
const COLUMN_BYTES: usize = 96;

/// A line that is no OCSF event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEvent {
    /// Bytes that are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// Not one JSON object.
    #[error("not a JSON object: byte {at}")]
    Syntax {
        /// Where reading ended.
        at: usize,
    },
    /// No `class_uid` that is a whole number.
    #[error("no class_uid")]
    NoClass,
    /// No `time` in milliseconds since 1970.
    #[error("no time between the years 1 and 9999")]
    NoTime,
}

impl From<Syntax> for NotAnEvent {
    fn from(fault: Syntax) -> Self {
        Self::Syntax { at: fault.at }
    }
}

/// What decides where an event goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) class_uid: i64,
    pub(crate) time_ms: i64,
}

impl Head {
    /// Reads as far as it must: both stand near the beginning of the events that normalize writes.
    pub(crate) fn of(line: &[u8]) -> Result<Self, NotAnEvent> {
        let mut cursor = Cursor::new(line);
        let (mut class_uid, mut time_ms) = (None, None);
        cursor.expect(b'{')?;
        if cursor.peek() != b'}' {
            loop {
                let key = cursor.key()?;
                let value = cursor.value()?;
                match key.raw {
                    b"class_uid" if class_uid.is_none() => {
                        class_uid = Some(integer(value).ok_or(NotAnEvent::NoClass)?);
                    }
                    b"time" if time_ms.is_none() => {
                        let time = integer(value).filter(|ms| TIME_MS.contains(ms));
                        time_ms = Some(time.ok_or(NotAnEvent::NoTime)?);
                    }
                    _ => {}
                }
                if let (Some(class_uid), Some(time_ms)) = (class_uid, time_ms) {
                    return Ok(Self { class_uid, time_ms });
                }
                if !cursor.pass(b',') {
                    break;
                }
            }
        }
        cursor.expect(b'}')?;
        Err(match class_uid {
            None => NotAnEvent::NoClass,
            Some(_) => NotAnEvent::NoTime,
        })
    }
}

/// A whole number that is written as one.
fn integer(raw: &[u8]) -> Option<i64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

/// Rows, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) class: &'static Class,
    pub(crate) columns: Vec<Column>,
    pub(crate) times_ms: Vec<i64>,
    bytes: usize,
}

/// A point to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    rows: usize,
    bytes: usize,
}

impl Rows {
    pub(crate) fn new(class: &'static Class) -> Self {
        Self {
            columns: class.leaves.iter().map(Column::new).collect(),
            class,
            times_ms: Vec::new(),
            bytes: class.leaves.len() * COLUMN_BYTES,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.times_ms.len()
    }

    /// The memory that the rows take, in bytes: a function of the rows alone.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the event that `line`, which is UTF-8, says. After an error the rows are as before.
    pub(crate) fn push(&mut self, line: &[u8], time_ms: i64) -> Result<(), Syntax> {
        let row = self.times_ms.len() as u32;
        let mut reading = Reading {
            unmapped_at: self.class.unmapped,
            columns: &mut self.columns,
            cursor: Cursor::new(line),
            row,
            leftovers: Vec::new(),
            unmapped: None,
            bytes: 0,
        };
        let read = reading.event(&self.class.members);
        let bytes = reading.bytes;
        match read {
            Ok(()) => {
                self.times_ms.push(time_ms);
                self.bytes += bytes + size_of::<i64>();
                Ok(())
            }
            Err(fault) => {
                self.columns
                    .iter_mut()
                    .for_each(|column| column.truncate(row));
                Err(fault)
            }
        }
    }

    /// Where they are now.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            rows: self.len(),
            bytes: self.bytes,
        }
    }

    /// Takes back every row since `mark`.
    pub(crate) fn truncate(&mut self, mark: Mark) {
        self.times_ms.truncate(mark.rows);
        self.columns
            .iter_mut()
            .for_each(|column| column.truncate(mark.rows as u32));
        self.bytes = mark.bytes;
    }
}

/// Which attribute of an object it is; none that has a column.
type Found<'m> = Option<(usize, &'m Member)>;

/// The way to a value: its last step, and the way to what it is in.
#[derive(Clone, Copy, Debug)]
struct Way<'w> {
    to: Option<&'w Way<'w>>,
    step: Step<'w>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'w> {
    Attribute(&'w [u8]),
    Element(usize),
}

impl Way<'_> {
    /// Appends such as `resources.2.name`.
    fn write(&self, path: &mut Vec<u8>) {
        if let Some(to) = self.to {
            to.write(path);
            path.push(b'.');
        }
        match self.step {
            Step::Attribute(name) => path.extend_from_slice(name),
            Step::Element(index) => path.extend_from_slice(index.to_string().as_bytes()),
        }
    }
}

/// One line being read.
struct Reading<'a, 'c> {
    columns: &'c mut [Column],
    cursor: Cursor<'a>,
    row: u32,
    leftovers: Vec<Leftover<'a>>,
    /// The column of `unmapped`, written last.
    unmapped_at: usize,
    unmapped: Option<&'a [u8]>,
    bytes: usize,
}

impl<'a> Reading<'a, '_> {
    fn event(&mut self, members: &[Member]) -> Result<(), Syntax> {
        self.object(members, 0, 0, None)?;
        self.cursor.end()?;
        if self.leftovers.is_empty() {
            if let Some(own) = self.unmapped {
                self.text(self.unmapped_at, 0, own);
            }
        } else {
            let merged = merge(self.unmapped, &self.leftovers);
            self.text(self.unmapped_at, 0, &merged);
        }
        Ok(())
    }

    /// `rep` and `def`: the levels of the object.
    fn object(
        &mut self,
        members: &[Member],
        rep: u8,
        def: u8,
        way: Option<&Way<'_>>,
    ) -> Result<(), Syntax> {
        self.cursor.expect(b'{')?;
        // One bit for each attribute: no object of the table has more than 64.
        let mut seen = 0_u64;
        let mut next = 0;
        if !self.cursor.pass(b'}') {
            loop {
                let (name, found) = self.member(members, next)?;
                let way = Way {
                    to: way,
                    step: Step::Attribute(name),
                };
                match found {
                    // Of two attributes with one name, the first has the column.
                    Some((at, member)) if seen & (1 << at) == 0 => {
                        seen |= 1 << at;
                        next = at + 1;
                        self.node(&member.node, rep, def, &way)?;
                    }
                    _ => self.leftover(&way)?,
                }
                if !self.cursor.pass(b',') {
                    break;
                }
            }
            self.cursor.expect(b'}')?;
        }
        if def > 0 {
            for (at, member) in members.iter().enumerate() {
                if seen & (1 << at) == 0 {
                    self.nulls(member.node.leaves.clone(), rep, def);
                }
            }
        }
        Ok(())
    }

    /// The name of the member that comes next, and which it is of `members`.
    fn member<'m>(
        &mut self,
        members: &'m [Member],
        next: usize,
    ) -> Result<(&'m [u8], Found<'m>), Syntax>
    where
        'a: 'm,
    {
        // Members mostly come in the table's order, some left out.
        let likely = members.iter().enumerate().skip(next).take(LIKELY);
        for (at, member) in likely {
            if self.cursor.pass_text(&member.quoted) {
                return Ok((member.name.as_bytes(), Some((at, member))));
            }
        }
        let name = self.cursor.key()?.raw;
        let mut all = members.iter().enumerate();
        Ok((name, all.find(|(_, member)| member.name.as_bytes() == name)))
    }

    /// The value of a place whose surroundings have the level `def`.
    fn node(&mut self, node: &Node, rep: u8, def: u8, way: &Way<'_>) -> Result<(), Syntax> {
        match (&node.shape, self.cursor.peek()) {
            (_, b'n') => {
                self.cursor.value()?;
                self.nulls(node.leaves.clone(), rep, def);
            }
            (Shape::Object(members), b'{') => self.object(members, rep, node.def, Some(way))?,
            (Shape::List(element), b'[') => self.list(node, element, rep, way)?,
            (Shape::Leaf(of), _) if self.leaf(*of, node.leaves.start, rep)? => {}
            _ => {
                self.leftover(way)?;
                self.nulls(node.leaves.clone(), rep, def);
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        node: &Node,
        element: &Node,
        mut rep: u8,
        way: &Way<'_>,
    ) -> Result<(), Syntax> {
        self.cursor.expect(b'[')?;
        if self.cursor.pass(b']') {
            self.nulls(node.leaves.clone(), rep, node.def);
            return Ok(());
        }
        for index in 0.. {
            let way = Way {
                to: Some(way),
                step: Step::Element(index),
            };
            self.node(element, rep, node.def + 1, &way)?;
            rep = node.rep;
            if !self.cursor.pass(b',') {
                break;
            }
        }
        self.cursor.expect(b']')
    }

    /// False, and nothing read, where the value is of another type than its column.
    fn leaf(&mut self, of: Type, at: usize, rep: u8) -> Result<bool, Syntax> {
        let before = self.cursor;
        let fits = match of {
            Type::Json => {
                let raw = self.cursor.value()?;
                if at == self.unmapped_at {
                    self.unmapped = Some(raw);
                } else {
                    self.text(at, rep, raw);
                }
                true
            }
            Type::String => {
                self.cursor.peek() == b'"' && {
                    let text = self.cursor.string()?;
                    self.string(at, rep, text)
                }
            }
            Type::Int | Type::Long | Type::Time => {
                matches!(self.cursor.peek(), b'-' | b'0'..=b'9') && {
                    let raw = self.cursor.number()?;
                    integer(raw).is_some_and(|value| self.number(of, at, rep, value))
                }
            }
            Type::Bool => match self.cursor.peek() {
                byte @ (b't' | b'f') => {
                    self.cursor.value()?;
                    self.bool(at, rep, byte == b't');
                    true
                }
                _ => false,
            },
        };
        if !fits {
            self.cursor = before;
        }
        Ok(fits)
    }

    fn string(&mut self, at: usize, rep: u8, text: Text<'a>) -> bool {
        if !text.escaped {
            self.text(at, rep, text.raw);
            return true;
        }
        if let Some(column) = self.columns.get_mut(at)
            && let Values::Text { ends, bytes } = &mut column.values
        {
            let from = bytes.len();
            if unescape(text.raw, bytes) {
                self.bytes += bytes.len() - from + size_of::<u32>() + size_of::<Entry>();
                ends.push(bytes.len() as u32);
                column.present(self.row, rep);
                return true;
            }
        }
        false
    }

    fn text(&mut self, at: usize, rep: u8, raw: &[u8]) {
        if let Some(column) = self.columns.get_mut(at)
            && let Values::Text { ends, bytes } = &mut column.values
        {
            bytes.extend_from_slice(raw);
            ends.push(bytes.len() as u32);
            column.present(self.row, rep);
            self.bytes += raw.len() + size_of::<u32>() + size_of::<Entry>();
        }
    }

    fn number(&mut self, of: Type, at: usize, rep: u8, value: i64) -> bool {
        if of == Type::Time && !TIME_MS.contains(&value) {
            return false;
        }
        let Some(column) = self.columns.get_mut(at) else {
            return false;
        };
        match &mut column.values {
            Values::Long(values) => values.push(value),
            Values::Int(values) => match i32::try_from(value) {
                Ok(value) => values.push(value),
                Err(_) => return false,
            },
            _ => return false,
        }
        column.present(self.row, rep);
        self.bytes += size_of::<i64>() + size_of::<Entry>();
        true
    }

    fn bool(&mut self, at: usize, rep: u8, value: bool) {
        if let Some(column) = self.columns.get_mut(at)
            && let Values::Bool(values) = &mut column.values
        {
            values.push(value);
            column.present(self.row, rep);
            self.bytes += 1 + size_of::<Entry>();
        }
    }

    /// Nothing in these columns. A top-level attribute that is not there leaves no trace.
    fn nulls(&mut self, leaves: Range<usize>, rep: u8, def: u8) {
        if def == 0 {
            return;
        }
        self.bytes += leaves.len() * size_of::<Entry>();
        for column in self.columns.get_mut(leaves).into_iter().flatten() {
            column.null(self.row, rep, def);
        }
    }

    /// Keeps the value that comes next for `unmapped`, under the path that leads to it; null says nothing.
    fn leftover(&mut self, way: &Way<'_>) -> Result<(), Syntax> {
        let value = self.cursor.value()?;
        if value != b"null" {
            let mut path = Vec::new();
            way.write(&mut path);
            self.leftovers.push(Leftover { path, value });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::CLASSES;

    fn rows() -> Rows {
        Rows::new(CLASSES.iter().find(|class| class.uid == 3006).unwrap())
    }

    /// The levels and, where there are any, the texts of a column after one line.
    fn check(line: &str, path: &[&str], levels: &[(u8, u8)], texts: &[&str]) {
        let mut rows = rows();
        rows.push(line.as_bytes(), 0).unwrap();
        let column = &rows.columns[rows.class.leaf(path).unwrap()];
        let read: Vec<_> = column
            .entries
            .iter()
            .map(|entry| (entry.rep, entry.def))
            .collect();
        assert_eq!(read, levels, "{line}");
        if let Values::Text { ends, bytes } = &column.values {
            let joined: usize = texts.iter().map(|text| text.len()).sum();
            assert_eq!(bytes, texts.concat().as_bytes(), "{line}");
            assert_eq!((ends.len(), bytes.len()), (texts.len(), joined), "{line}");
        }
    }

    #[test]
    fn values_and_gaps_stand_at_their_levels() {
        check("{}", &["metadata", "uid"], &[], &[]);
        check(r#"{"metadata":null}"#, &["metadata", "uid"], &[], &[]);
        check(r#"{"metadata":{}}"#, &["metadata", "uid"], &[(0, 1)], &[]);
        check(
            r#"{"metadata":{"uid":"a"}}"#,
            &["metadata", "uid"],
            &[(0, 2)],
            &["a"],
        );
        check(r#"{"privileges":[]}"#, &["privileges"], &[(0, 1)], &[]);
        check(
            r#"{"privileges":["a",null,"b"]}"#,
            &["privileges"],
            &[(0, 3), (1, 2), (1, 3)],
            &["a", "b"],
        );
        check(
            r#"{"observables":[{"name":"a"},{},null,{"name":"b\n"}]}"#,
            &["observables", "name"],
            &[(0, 4), (1, 3), (1, 2), (1, 4)],
            &["a", "b\n"],
        );
    }

    #[test]
    fn what_has_no_column_or_another_type_goes_with_unmapped() {
        let check_unmapped =
            |line: &str, expect: &str| check(line, &["unmapped"], &[(0, 1)], &[expect]);
        check_unmapped(r#"{"unmapped":{"a":1}}"#, r#"{"a":1}"#);
        check_unmapped(
            r#"{"new":{"x":[1]},"metadata":{"newer":2}}"#,
            r#"{"new":{"x":[1]},"metadata.newer":2}"#,
        );
        check_unmapped(
            r#"{"count":1.5,"unmapped":{"a":1}}"#,
            r#"{"a":1,"count":1.5}"#,
        );
        check_unmapped(r#"{"count":3000000000}"#, r#"{"count":3000000000}"#);
        check_unmapped(r#"{"privileges":["a",7]}"#, r#"{"privileges.1":7}"#);
        check_unmapped(r#"{"message":"\ud800"}"#, r#"{"message":"\ud800"}"#);
        check_unmapped(r#"{"message":"a","message":"b"}"#, r#"{"message":"b"}"#);
        check_unmapped(
            r#"{"end_time":9223372036854775807}"#,
            r#"{"end_time":9223372036854775807}"#,
        );
        check_unmapped(
            r#"{"unmapped":7,"metadata":"text"}"#,
            r#"{"unmapped":7,"metadata":"text"}"#,
        );
    }

    #[test]
    fn a_line_that_is_not_json_leaves_no_trace() {
        let mut rows = rows();
        rows.push(br#"{"message":"a","metadata":{"uid":"1"}}"#, 1)
            .unwrap();
        let (bytes, text) = (rows.bytes(), format!("{:?}", rows.columns));
        for bad in [
            r#"{"message":"b","metadata":{"uid":"2""#,
            r#"{"message":"b"}}"#,
            "[]",
            "",
        ] {
            rows.push(bad.as_bytes(), 2).unwrap_err();
            assert_eq!(format!("{:?}", rows.columns), text, "{bad}");
        }
        assert_eq!((rows.len(), rows.bytes()), (1, bytes));
    }

    #[test]
    fn rows_taken_back_are_forgotten_whole() {
        let mut rows = rows();
        let line = br#"{"message":"a","privileges":["x","y"],"count":2}"#;
        rows.push(line, 1).unwrap();
        let (mark, bytes, text) = (rows.mark(), rows.bytes(), format!("{:?}", rows.columns));
        rows.push(line, 2).unwrap();
        rows.push(line, 3).unwrap();
        rows.truncate(mark);
        assert_eq!(format!("{:?}", rows.columns), text);
        assert_eq!((rows.len(), rows.bytes()), (1, bytes));
    }

    #[test]
    fn the_head_is_found_wherever_it_is() {
        let check = |line: &str, expect| assert_eq!(Head::of(line.as_bytes()), expect, "{line}");
        let head = |class_uid, time_ms| Ok(Head { class_uid, time_ms });
        check(r#"{"class_uid":3002,"time":5,"x"#, head(3002, 5));
        check(r#"{"a":{"time":1},"time":-5,"class_uid":0}"#, head(0, -5));
        check(r#"{"time":5}"#, Err(NotAnEvent::NoClass));
        check(r#"{"class_uid":"3002","time":5}"#, Err(NotAnEvent::NoClass));
        check(r#"{"class_uid":3002}"#, Err(NotAnEvent::NoTime));
        check(
            r#"{"class_uid":3002,"time":253402300800000}"#,
            Err(NotAnEvent::NoTime),
        );
        check("{}", Err(NotAnEvent::NoClass));
        check("3", Err(NotAnEvent::Syntax { at: 0 }));
    }
}
