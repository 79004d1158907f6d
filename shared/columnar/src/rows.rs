//! Events of one class and day, taken apart into columns as they are read.

use std::iter::Enumerate;
use std::ops::Range;
use std::slice::Iter;
use std::sync::LazyLock;

use memchr::memchr2;
use memchr::memmem::Finder;

use crate::columns::{Class, Member, Node, Shape, Type};
use crate::json::{Cursor, Syntax, Text, unescape};
use crate::tape::{Entry, Mark, Tape, length};
use crate::unmapped::{Leftover, merge};

/// Times that a reader can show: the years 1 to 9999, in milliseconds since 1970.
const TIME_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// The name of the attribute.
static TIME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(br#""time""#));

/// Memory that a set of rows takes before it has any, about: so that many small sets count for what they are.
const ROWS_BYTES: usize = 1_024;

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
    /// Reads as far as it must.
    pub(crate) fn of(line: &[u8]) -> Result<Self, NotAnEvent> {
        if let Some(head) = Self::at_once(line) {
            return Ok(head);
        }
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

    /// As normalize writes it, if `line` is JSON: `class_uid` first, and `time` before any list or object. None where it may be
    /// otherwise.
    fn at_once(line: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(line.strip_prefix(br#"{"class_uid":"#)?);
        let class_uid = cursor.integer().ok()??;
        let rest = cursor.rest();
        let (before, name_and_value) = rest.split_at_checked(TIME.find(rest)?)?;
        // Behind a comma a quote begins a string or ends one that is no JSON, and before a colon it is an attribute's name. What
        // has this name in other words, such as with blanks around it, would have been found before.
        let value = name_and_value.strip_prefix(br#""time":"#)?;
        if before.last() != Some(&b',') || memchr2(b'{', b'[', before).is_some() {
            return None;
        }
        let time_ms = Cursor::new(value).integer().ok()??;
        let is_time = TIME_MS.contains(&time_ms);
        is_time.then_some(Self { class_uid, time_ms })
    }
}

/// A number as its column holds it; none where it does not fit.
fn number(of: Type, value: i64) -> Option<u64> {
    let fits = match of {
        Type::Int => i32::try_from(value).is_ok(),
        Type::Time => TIME_MS.contains(&value),
        _ => true,
    };
    fits.then_some(value as u64)
}

/// A whole number that is written as one.
fn integer(raw: &[u8]) -> Option<i64> {
    std::str::from_utf8(raw).ok()?.parse().ok()
}

/// Rows, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) class: &'static Class,
    pub(crate) tape: Tape,
    pub(crate) times_ms: Vec<i64>,
}

impl Rows {
    pub(crate) fn new(class: &'static Class) -> Self {
        Self {
            class,
            tape: Tape::new(class.leaves.len()),
            times_ms: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.times_ms.len()
    }

    /// The memory that the rows take, in bytes: a function of the rows alone.
    pub(crate) fn bytes(&self) -> usize {
        ROWS_BYTES + self.tape.bytes() + self.times_ms.len() * size_of::<i64>()
    }

    /// Adds the event that `line`, which is UTF-8, says. After an error the rows are as before.
    pub(crate) fn push(&mut self, line: &[u8], time_ms: i64) -> Result<(), Syntax> {
        let before = self.tape.end();
        self.tape.begin_row();
        let mut reading = Reading {
            class: self.class,
            tape: &mut self.tape,
            cursor: Cursor::new(line),
            leftovers: Vec::new(),
            unmapped: None,
        };
        let read = reading.event();
        match read {
            Ok(()) => {
                self.tape.end_row();
                self.times_ms.push(time_ms);
            }
            Err(_) => self.tape.truncate(before),
        }
        read
    }

    /// Where they are now, to go back to it. There is one mark.
    pub(crate) fn mark(&mut self) -> Mark {
        self.tape.mark()
    }

    /// Takes back every row since `mark`: as if they had never been.
    pub(crate) fn roll_back(&mut self, mark: Mark) {
        self.tape.roll_back(mark);
        self.times_ms.truncate(self.tape.rows());
    }
}

/// The name of an attribute.
enum Name<'m> {
    /// Which one of its object's it is.
    Known(usize, &'m Member),
    /// It has no column.
    Unknown(&'m [u8]),
}

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
struct Reading<'a, 't> {
    class: &'static Class,
    tape: &'t mut Tape,
    cursor: Cursor<'a>,
    leftovers: Vec<Leftover<'a>>,
    /// Written last, with the leftovers.
    unmapped: Option<&'a [u8]>,
}

impl<'a> Reading<'a, '_> {
    fn event(&mut self) -> Result<(), Syntax> {
        self.object(&self.class.members, 0, 0, None)?;
        self.cursor.end()?;
        if !self.leftovers.is_empty() {
            let merged = merge(self.unmapped, &self.leftovers);
            self.text(&merged);
        } else if let Some(own) = self.unmapped {
            self.text(own);
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
        let mut ahead = members.iter().enumerate();
        if !self.cursor.pass(b'}') {
            loop {
                let name = match self.member(members, &mut ahead)? {
                    // Of two attributes with one name, the first has the column.
                    Name::Known(at, member) if seen & (1 << at) == 0 => {
                        seen |= 1 << at;
                        if !self.leaf(&member.node, rep)? {
                            let step = Step::Attribute(member.name.as_bytes());
                            self.node(&member.node, rep, def, &Way { to: way, step })?;
                        }
                        None
                    }
                    Name::Known(_, member) => Some(member.name.as_bytes()),
                    Name::Unknown(name) => Some(name),
                };
                if let Some(name) = name {
                    let step = Step::Attribute(name);
                    self.leftover(&Way { to: way, step })?;
                }
                if !self.cursor.pass(b',') {
                    break;
                }
            }
            self.cursor.expect(b'}')?;
        }
        if def > 0 {
            let all = u64::MAX >> (u64::BITS as usize - members.len().clamp(1, 64));
            let mut missing = all & !seen;
            while let Some(member) = members.get(missing.trailing_zeros() as usize) {
                self.nulls(member.node.leaves.clone(), rep, def);
                missing &= missing - 1;
            }
        }
        Ok(())
    }

    /// The name of the member that comes next. `ahead`: the members behind the one before, if it was one.
    #[inline(always)]
    fn member<'m>(
        &mut self,
        members: &'m [Member],
        ahead: &mut Enumerate<Iter<'m, Member>>,
    ) -> Result<Name<'m>, Syntax>
    where
        'a: 'm,
    {
        // Members mostly come in the table's order, some left out: most of those differ in the first eight bytes.
        let word = self.cursor.word(0);
        let mut tried = ahead.clone();
        while let Some((at, member)) = tried.next() {
            if self.cursor.pass_token(&member.quoted, word) {
                *ahead = tried;
                return Ok(Name::Known(at, member));
            }
        }
        let name = self.cursor.key()?.raw;
        let mut all = members.iter().enumerate();
        Ok(
            match all.find(|(_, member)| member.name.as_bytes() == name) {
                Some((at, member)) => {
                    *ahead = all;
                    Name::Known(at, member)
                }
                None => Name::Unknown(name),
            },
        )
    }

    /// The value of a place whose surroundings have the level `def`, if it is none for [`Reading::leaf`].
    #[inline(always)]
    fn node(&mut self, node: &Node, rep: u8, def: u8, way: &Way<'_>) -> Result<(), Syntax> {
        match (&node.shape, self.cursor.peek()) {
            (_, b'n') => {
                self.cursor.value()?;
                self.nulls(node.leaves.clone(), rep, def);
            }
            (Shape::Object(members), b'{') => self.object(members, rep, node.def, Some(way))?,
            (Shape::List(element), b'[') => self.list(node, element, rep, way)?,
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
            if !self.leaf(element, rep)? {
                self.node(element, rep, node.def + 1, &way)?;
            }
            rep = node.rep;
            if !self.cursor.pass(b',') {
                break;
            }
        }
        self.cursor.expect(b']')
    }

    /// False, and nothing read, where the place has no column, or the value is of another type than its column.
    #[inline(always)]
    fn leaf(&mut self, node: &Node, rep: u8) -> Result<bool, Syntax> {
        let Shape::Leaf(of) = node.shape else {
            return Ok(false);
        };
        let at = node.leaves.start;
        let before = self.cursor.at();
        let value = match (of, self.cursor.peek()) {
            (Type::String, b'"') => {
                let last = self.tape.last(at);
                if self.cursor.may_have_length(length(last))
                    && self.cursor.pass_this(self.tape.text(last))
                {
                    Some(last)
                } else {
                    let text = self.cursor.string()?;
                    self.string(at, text)
                }
            }
            (Type::Int | Type::Long | Type::Time, b'-' | b'0'..=b'9') => {
                self.cursor.integer()?.and_then(|value| number(of, value))
            }
            (Type::Bool, byte @ (b't' | b'f')) => {
                self.cursor.value()?;
                Some(u64::from(byte == b't'))
            }
            (Type::Json, _) => {
                let raw = self.cursor.value()?;
                if at == self.class.unmapped {
                    self.unmapped = Some(raw);
                    return Ok(true);
                }
                Some(self.tape.put_text(raw))
            }
            _ => None,
        };
        match value {
            Some(value) => self.tape.put(Entry {
                value,
                leaf: at as u16,
                rep,
                def: node.def,
            }),
            None => self.cursor.back_to(before),
        }
        Ok(value.is_some())
    }

    #[inline(always)]
    fn string(&mut self, at: usize, text: Text<'a>) -> Option<u64> {
        if text.escaped {
            self.escaped(text.raw)
        } else {
            Some(self.tape.put_recent(at, text.raw))
        }
    }

    #[cold]
    fn escaped(&mut self, raw: &[u8]) -> Option<u64> {
        self.tape.put_written(raw.len(), |out| unescape(raw, out))
    }

    /// The text of the `unmapped` column.
    fn text(&mut self, raw: &[u8]) {
        let at = self.class.unmapped;
        let value = self.tape.put_text(raw);
        self.tape.put(Entry {
            value,
            leaf: at as u16,
            rep: 0,
            def: self.class.leaves.get(at).map_or(0, |leaf| leaf.def_max),
        });
    }

    /// Nothing in these columns. A top-level attribute that is not there leaves no trace.
    fn nulls(&mut self, leaves: Range<usize>, rep: u8, def: u8) {
        if def > 0 {
            self.tape.put_all(leaves.map(|at| Entry {
                value: 0,
                leaf: at as u16,
                rep,
                def,
            }));
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
        let leaf = rows.class.leaf(path).unwrap();
        let def_max = rows.class.leaves[leaf].def_max;
        let entries = rows
            .tape
            .row(0)
            .iter()
            .filter(|entry| usize::from(entry.leaf) == leaf);
        let read: Vec<_> = entries
            .clone()
            .map(|entry| (entry.rep, entry.def))
            .collect();
        assert_eq!(read, levels, "{line}");
        let present = entries.filter(|entry| entry.def == def_max);
        let read: Vec<_> = present
            .map(|entry| std::str::from_utf8(rows.tape.text(entry.value)).unwrap())
            .collect();
        assert_eq!(read, texts, "{line}");
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

    /// All that rows hold of their lines.
    fn held(rows: &Rows) -> String {
        let texts = rows
            .tape
            .entries()
            .flatten()
            .map(|entry| rows.tape.text(entry.value));
        format!(
            "{:?}",
            (
                rows.tape.end(),
                rows.tape.entries().flatten().collect::<Vec<_>>(),
                texts.collect::<Vec<_>>()
            )
        )
    }

    #[test]
    fn a_line_that_is_not_json_leaves_no_trace() {
        let mut rows = rows();
        rows.push(br#"{"message":"a","metadata":{"uid":"1"}}"#, 1)
            .unwrap();
        let (bytes, held) = (rows.bytes(), held(&rows));
        for bad in [
            r#"{"message":"b","metadata":{"uid":"2""#,
            r#"{"message":"b"}}"#,
            "[]",
            "",
        ] {
            rows.push(bad.as_bytes(), 2).unwrap_err();
            assert_eq!(self::held(&rows), held, "{bad}");
        }
        assert_eq!((rows.len(), rows.bytes()), (1, bytes));
    }

    #[test]
    fn rows_taken_back_are_forgotten_whole() {
        let mut rows = rows();
        let line = br#"{"message":"a","privileges":["x","y"],"count":2}"#;
        rows.push(line, 1).unwrap();
        let (mark, bytes, held) = (rows.mark(), rows.bytes(), held(&rows));
        rows.push(line, 2).unwrap();
        rows.push(line, 3).unwrap();
        rows.roll_back(mark);
        assert_eq!(self::held(&rows), held);
        assert_eq!((rows.len(), rows.bytes()), (1, bytes));
    }

    #[test]
    fn the_head_is_found_wherever_it_is() {
        let check = |line: &str, expect| assert_eq!(Head::of(line.as_bytes()), expect, "{line}");
        let head = |class_uid, time_ms| Ok(Head { class_uid, time_ms });
        check(r#"{"class_uid":3002,"time":5,"x"#, head(3002, 5));
        check(r#"{"a":{"time":1},"time":-5,"class_uid":0}"#, head(0, -5));
        for before in [
            r#""a":"time""#,
            r#""a":",\"time\":1""#,
            r#""a":{"b":1,"time":1}"#,
            r#""a":[{},{"time":1}]"#,
            r#""a":1, "time" :5,"b":2"#,
        ] {
            let line = format!(r#"{{"class_uid":3002,{before},"time":5}}"#);
            check(&line, head(3002, 5));
        }
        check(r#"{"class_uid":3002,"time":"5"}"#, Err(NotAnEvent::NoTime));
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
