//! Events to rows: each event of a class and day is shredded into the values of its leaf columns and their levels, as Dremel
//! and Parquet have it.

use jiter::{JiterError, Peek};

use crate::buffer::{ColumnBuffer, Position};
use crate::columns::{Class, Member, Node, Shape, Type};
use crate::event::{Event, NotAnEvent};
use crate::json::Reader;
use crate::unmapped::{Leftover, merge};

/// Rows, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) class: &'static Class,
    /// One for each leaf of the class.
    pub(crate) columns: Vec<ColumnBuffer>,
    pub(crate) times_ms: Vec<i64>,
    bytes: usize,
}

impl Rows {
    pub(crate) fn new(class: &'static Class) -> Self {
        Self {
            class,
            columns: class.leaves.iter().map(ColumnBuffer::new).collect(),
            times_ms: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.times_ms.len()
    }

    /// The memory that the rows take, in bytes: a function of the rows alone. 0 without any.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn count_bytes(&self) -> usize {
        if self.times_ms.is_empty() {
            return 0;
        }
        let columns: usize = self.columns.iter().map(ColumnBuffer::bytes).sum();
        columns + size_of_val(self.times_ms.as_slice())
    }

    /// Adds an event. After an error the rows are as before.
    pub(crate) fn push(&mut self, event: &Event<'_>) -> Result<(), NotAnEvent> {
        let mut shredder = Shredder {
            class: self.class,
            columns: &mut self.columns,
            reader: event.json.reader(),
            leftovers: Vec::new(),
            unmapped: None,
        };
        let shredded = shredder.event();
        if shredded.is_ok() {
            self.times_ms.push(event.time_ms);
            self.bytes = self.count_bytes();
        } else {
            self.truncate(self.len());
        }
        Ok(shredded?)
    }

    /// Keeps the first `rows` rows, as if there had never been others.
    pub(crate) fn truncate(&mut self, rows: usize) {
        for column in &mut self.columns {
            column.truncate(rows);
        }
        self.times_ms.truncate(rows);
        self.bytes = self.count_bytes();
    }
}

/// The path to a value: its last step, and the path to what it is in.
#[derive(Clone, Copy, Debug)]
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Attribute(&'p str),
    Element(usize),
}

impl Path<'_> {
    /// Appends such as `resources.2.name`.
    fn write(&self, out: &mut String) {
        if let Some(parent) = self.parent {
            parent.write(out);
            out.push('.');
        }
        match self.step {
            Step::Attribute(name) => out.push_str(name),
            Step::Element(index) => out.push_str(&index.to_string()),
        }
    }
}

/// One event on its way into the columns.
struct Shredder<'j, 'a, 'c> {
    class: &'static Class,
    columns: &'c mut [ColumnBuffer],
    reader: Reader<'j, 'a>,
    leftovers: Vec<Leftover<'a>>,
    /// Written last, with the leftovers.
    unmapped: Option<&'a str>,
}

impl<'a> Shredder<'_, 'a, '_> {
    fn event(&mut self) -> Result<(), JiterError> {
        let at = Position::default();
        self.object(&self.class.members, at, None)?;
        self.reader.finish()?;
        let column = &mut self.columns[self.class.unmapped];
        if !self.leftovers.is_empty() {
            column.push(&merge(self.unmapped, &self.leftovers), at);
        } else if let Some(text) = self.unmapped {
            column.push(text, at);
        } else {
            column.push_null(at);
        }
        Ok(())
    }

    /// The object that comes next, which is at this position.
    fn object(
        &mut self,
        attributes: &'static [Member],
        at: Position,
        path: Option<&Path<'_>>,
    ) -> Result<(), JiterError> {
        // One bit for each attribute: the table has no object with more than 64.
        let mut seen = 0_u64;
        let mut next = 0;
        let mut name = self.reader.first_name()?;
        while let Some(of) = name {
            let path = Path {
                parent: path,
                step: Step::Attribute(of),
            };
            match find(attributes, of, next) {
                // Of two members with one name the first has the column.
                Some(found) if seen & (1 << found) == 0 => {
                    seen |= 1 << found;
                    next = found + 1;
                    self.node(&attributes[found].node, at, &path)?;
                }
                _ => {
                    let json = self.reader.value()?;
                    self.leftover(&path, json);
                }
            }
            name = self.reader.next_name()?;
        }
        for (number, attribute) in attributes.iter().enumerate() {
            if seen & (1 << number) == 0 {
                self.nulls(&attribute.node, at);
            }
        }
        Ok(())
    }

    /// The value of a node that comes next. What the node is in is at this position.
    fn node(
        &mut self,
        node: &'static Node,
        at: Position,
        path: &Path<'_>,
    ) -> Result<(), JiterError> {
        let within = Position {
            definition: node.definition,
            ..at
        };
        match (&node.shape, self.reader.peek()?) {
            (Shape::Object(attributes), Peek::Object) => {
                return self.object(attributes, within, Some(path));
            }
            (Shape::List(element), Peek::Array) => {
                return self.list(node, element, within, path);
            }
            (Shape::Leaf(Type::String), Peek::String) => {
                if let Some(text) = self.reader.string()? {
                    self.columns[node.leaves.start].push_string(text, at);
                    return Ok(());
                }
            }
            _ => {}
        }
        let json = self.reader.value()?;
        let leaf = node.leaves.start;
        let is_leaf = matches!(node.shape, Shape::Leaf(_));
        if is_leaf && leaf == self.class.unmapped {
            self.unmapped = Some(json);
        } else if !is_leaf || !self.columns[leaf].push(json, at) {
            self.leftover(path, json);
            self.nulls(node, at);
        }
        Ok(())
    }

    /// The list that comes next, which is at this position.
    fn list(
        &mut self,
        node: &'static Node,
        element: &'static Node,
        at: Position,
        path: &Path<'_>,
    ) -> Result<(), JiterError> {
        if !self.reader.first_element()? {
            self.nulls(node, at);
            return Ok(());
        }
        // Every element is one level deeper; the first goes on with what the list is in.
        let mut at = Position {
            definition: at.definition + 1,
            ..at
        };
        for index in 0.. {
            let path = Path {
                parent: Some(path),
                step: Step::Element(index),
            };
            self.node(element, at, &path)?;
            at.repetition = node.repetition;
            if !self.reader.next_element()? {
                break;
            }
        }
        Ok(())
    }

    /// Nothing at and below a node.
    fn nulls(&mut self, node: &Node, at: Position) {
        // `unmapped` is written last.
        if node.leaves.start != self.class.unmapped {
            for column in &mut self.columns[node.leaves.clone()] {
                column.push_null(at);
            }
        }
    }

    /// Keeps a value for `unmapped`, under the path that leads to it; null says nothing.
    fn leftover(&mut self, path: &Path<'_>, value: &'a str) {
        if value != "null" {
            let mut text = String::new();
            path.write(&mut text);
            self.leftovers.push(Leftover { path: text, value });
        }
    }
}

/// The attribute with this name. Members mostly stand in the table's order, so the search begins at `next`, behind the last one.
fn find(attributes: &[Member], name: &str, next: usize) -> Option<usize> {
    let (before, behind) = attributes.split_at(next);
    let is_it = |attribute: &Member| attribute.name == name;
    let at = behind.iter().position(is_it).map(|at| next + at);
    at.or_else(|| before.iter().position(is_it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::Values;
    use crate::columns::CLASSES;
    use crate::json::Json;

    fn rows() -> Rows {
        Rows::new(CLASSES.iter().find(|class| class.uid == 3006).unwrap())
    }

    fn push(rows: &mut Rows, members: &str) -> Result<(), NotAnEvent> {
        rows.push(&Event {
            json: Json::new(members),
            class_uid: 3006,
            time_ms: 0,
            day: jiff::civil::date(1970, 1, 1),
        })
    }

    /// The levels (repetition and definition) and, where there are any, the texts of a column after one event.
    fn check(members: &str, path: &[&str], levels: &[(u8, u8)], texts: &[&str]) {
        let mut rows = rows();
        push(&mut rows, members).unwrap();
        let mut leaves = rows.class.leaves.iter();
        let column = &rows.columns[leaves.position(|leaf| leaf.path == path).unwrap()];
        let definition = &column.levels.definition;
        let zeros = vec![0; definition.len()];
        let repetition = column.levels.repetition.as_ref().unwrap_or(&zeros);
        let read: Vec<_> = repetition
            .iter()
            .copied()
            .zip(definition.iter().copied())
            .collect();
        assert_eq!(read, levels, "{members}");
        let Values::Text(of_column) = &column.values else {
            panic!("no text: {path:?}");
        };
        let read: Vec<_> = (0..column.values.len())
            .map(|at| std::str::from_utf8(of_column.get(at)).unwrap())
            .collect();
        assert_eq!(read, texts, "{members}");
    }

    #[test]
    fn values_and_gaps_stand_at_their_levels() {
        check("{}", &["metadata", "uid"], &[(0, 0)], &[]);
        check(r#"{"metadata":null}"#, &["metadata", "uid"], &[(0, 0)], &[]);
        check(r#"{"metadata":{}}"#, &["metadata", "uid"], &[(0, 1)], &[]);
        check(
            r#"{"metadata":{"uid":"a"}}"#,
            &["metadata", "uid"],
            &[(0, 2)],
            &["a"],
        );
        check("{}", &["privileges"], &[(0, 0)], &[]);
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
    fn what_fits_no_column_goes_with_unmapped() {
        let check_unmapped =
            |members: &str, expect: &str| check(members, &["unmapped"], &[(0, 1)], &[expect]);
        check("{}", &["unmapped"], &[(0, 0)], &[]);
        check_unmapped(r#"{"unmapped":{"a":1}}"#, r#"{"a":1}"#);
        check_unmapped(
            r#"{"new":{"x":[1]},"metadata":{"newer":2}}"#,
            r#"{"new":{"x":[1]},"metadata.newer":2}"#,
        );
        check_unmapped(
            r#"{"count":1.50,"unmapped":{"a":1}}"#,
            r#"{"a":1,"count":1.50}"#,
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
    fn members_are_found_in_any_order() {
        let in_order = r#"{"message":"a","count":2,"metadata":{"uid":"b","version":"c"}}"#;
        let reversed = r#"{"metadata":{"version":"c","uid":"b"},"count":2,"message":"a"}"#;
        let held = |members| {
            let mut rows = rows();
            push(&mut rows, members).unwrap();
            format!("{rows:?}")
        };
        assert_eq!(held(reversed), held(in_order));
    }

    #[test]
    fn rows_taken_back_are_forgotten_whole() {
        let mut rows = rows();
        let members = r#"{"message":"a","privileges":["x","y"],"count":2,"new":1}"#;
        push(&mut rows, members).unwrap();
        let (bytes, held) = (rows.bytes(), format!("{rows:?}"));
        push(&mut rows, members).unwrap();
        push(&mut rows, members).unwrap();
        rows.truncate(1);
        assert_eq!(format!("{rows:?}"), held);
        assert_eq!((rows.len(), rows.bytes()), (1, bytes));
    }
}
