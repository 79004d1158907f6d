//! The columns of every class, read from `columns.txt`, as trees that lines are read along.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

const TEXT: &str = include_str!("columns.txt");

/// Attributes of an object at most: reading an event needs a bit for each.
const ATTRIBUTES_MAX: usize = 64;

/// Objects in objects at most: ends the reading of a table in which an object holds itself. The deepest real one is six.
const NESTING_MAX: usize = 16;

/// Every class that has columns, by ascending uid; the first is the Base Event, which takes in classes that have none.
pub static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| match parse(TEXT) {
    Ok(classes) => classes,
    // The table is a part of the program, and tests read it.
    Err(fault) => panic!("columns.txt: {fault}"),
});

/// The class that takes in events of classes without columns: the first.
const BASE_EVENT: usize = 0;

/// An event class and its columns.
#[derive(Debug)]
pub struct Class {
    /// `class_uid`
    pub uid: i32,
    /// The schema's name, such as `file_hosting`.
    pub name: &'static str,
    /// The name of its custom source in Amazon Security Lake, at most 20 characters: AWS makes a role of it whose name is
    /// bounded.
    pub source: &'static str,
    pub(crate) members: Vec<Member>,
    pub(crate) leaves: Vec<Leaf>,
    /// The column of `time`.
    pub(crate) time: usize,
    /// The column of `metadata.uid`.
    pub(crate) record_uid: usize,
    /// The column of `unmapped`.
    pub(crate) unmapped: usize,
}

/// A column as AWS Glue and Athena name its type.
#[derive(Debug, PartialEq, Eq)]
pub struct GlueColumn {
    /// The attribute.
    pub name: &'static str,
    /// Such as `array<struct<name:string,type_id:int>>`.
    pub glue_type: String,
}

/// An attribute and what is below it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) node: Node,
}

/// A place in the tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    /// Definition level of a value that is here.
    pub(crate) definition: u8,
    /// Repetition level of a list's second and later elements.
    pub(crate) repetition: u8,
    /// The columns at and below this place.
    pub(crate) leaves: Range<usize>,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Leaf(Type),
    Object(Vec<Member>),
    List(Box<Node>),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Int,
    Long,
    Time,
    Bool,
    /// 64 bits, finite.
    Float,
    String,
    /// Any JSON value, as its text.
    Json,
}

/// A column.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) of: Type,
    /// Definition level of a value.
    pub(crate) definition_max: u8,
    /// Whether it is in a list.
    pub(crate) is_repeated: bool,
    /// The attributes that lead here.
    pub(crate) path: Vec<&'static str>,
}

impl Class {
    /// The class of an event: the Base Event's columns for a class that has none of its own.
    pub(crate) fn index_of(uid: i64) -> usize {
        CLASSES
            .iter()
            .position(|class| i64::from(class.uid) == uid)
            .unwrap_or(BASE_EVENT)
    }

    /// The top-level columns with the types that a Glue table declares for the same files.
    #[must_use]
    pub fn glue_columns(&self) -> Vec<GlueColumn> {
        let columns = self.members.iter().map(|member| GlueColumn {
            name: member.name,
            glue_type: glue_type(&member.node),
        });
        columns.collect()
    }
}

fn glue_type(node: &Node) -> String {
    match &node.shape {
        Shape::Leaf(Type::Int) => "int".to_owned(),
        Shape::Leaf(Type::Long) => "bigint".to_owned(),
        Shape::Leaf(Type::Time) => "timestamp".to_owned(),
        Shape::Leaf(Type::Bool) => "boolean".to_owned(),
        Shape::Leaf(Type::Float) => "double".to_owned(),
        Shape::Leaf(Type::String | Type::Json) => "string".to_owned(),
        Shape::List(element) => format!("array<{}>", glue_type(element)),
        Shape::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|member| format!("{}:{}", member.name, glue_type(&member.node)))
                .collect();
            format!("struct<{}>", members.join(","))
        }
    }
}

/// What the table cannot be read for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
struct BadTable {
    what: String,
    why: &'static str,
}

impl BadTable {
    fn new(what: impl Into<String>, why: &'static str) -> Self {
        let what = what.into();
        Self { what, why }
    }
}

/// The attributes of a class or object: name and type as they stand in the table.
type Attributes = Vec<(&'static str, &'static str)>;

/// A class as it stands in the table.
struct Entry {
    uid: i32,
    name: &'static str,
    source: &'static str,
    attributes: Attributes,
}

fn parse(text: &'static str) -> Result<Vec<Class>, BadTable> {
    let mut objects: HashMap<&str, Attributes> = HashMap::new();
    let mut classes: Vec<Entry> = Vec::new();
    let mut object = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["class", uid, name, source] => {
                let uid = uid
                    .parse()
                    .map_err(|_| BadTable::new(line, "the uid is no number"))?;
                let attributes = Vec::new();
                classes.push(Entry {
                    uid,
                    name,
                    source,
                    attributes,
                });
                object = None;
            }
            ["object", name] => object = Some(*name),
            [name, of] => match (object, classes.last_mut()) {
                (Some(object), _) => objects.entry(object).or_default().push((name, of)),
                (None, Some(class)) => class.attributes.push((name, of)),
                (None, None) => return Err(BadTable::new(line, "of no class or object")),
            },
            _ => return Err(BadTable::new(line, "not a line of the table")),
        }
    }
    let classes = classes.into_iter().map(|entry| class(&objects, &entry));
    classes.collect()
}

fn class(objects: &HashMap<&'static str, Attributes>, entry: &Entry) -> Result<Class, BadTable> {
    let mut tree = Tree {
        objects,
        leaves: Vec::new(),
        path: Vec::new(),
    };
    let members = tree.members(&entry.attributes, 0, 0)?;
    let leaves = tree.leaves;
    let leaf = |path: &[&str]| {
        let leaf = position(&leaves, path);
        leaf.ok_or_else(|| {
            BadTable::new(format!("{} of {}", path.join("."), entry.name), "missing")
        })
    };
    Ok(Class {
        uid: entry.uid,
        name: entry.name,
        source: entry.source,
        time: leaf(&["time"])?,
        record_uid: leaf(&["metadata", "uid"])?,
        unmapped: leaf(&["unmapped"])?,
        members,
        leaves,
    })
}

/// The column at a path of attributes.
fn position(leaves: &[Leaf], path: &[&str]) -> Option<usize> {
    leaves.iter().position(|leaf| leaf.path == path)
}

/// A tree under construction.
struct Tree<'t> {
    objects: &'t HashMap<&'static str, Attributes>,
    leaves: Vec<Leaf>,
    path: Vec<&'static str>,
}

impl Tree<'_> {
    /// The levels are those of the object that the attributes are in.
    fn members(
        &mut self,
        attributes: &Attributes,
        definition: u8,
        repetition: u8,
    ) -> Result<Vec<Member>, BadTable> {
        if attributes.len() > ATTRIBUTES_MAX {
            return Err(BadTable::new(self.path.join("."), "too many attributes"));
        }
        let mut members = Vec::with_capacity(attributes.len());
        for (name, of) in attributes {
            self.path.push(name);
            let node = self.node(of, definition, repetition)?;
            members.push(Member { name, node });
            self.path.pop();
        }
        Ok(members)
    }

    fn node(&mut self, of: &str, definition: u8, repetition: u8) -> Result<Node, BadTable> {
        let first = self.leaves.len();
        let definition = definition + 1;
        let (shape, repetition) = if let Some(element) = of.strip_prefix("[]") {
            // An optional list of repeated, optional elements: two levels more.
            let element = self.node(element, definition + 1, repetition + 1)?;
            (Shape::List(Box::new(element)), repetition + 1)
        } else if let Some(attributes) = self.objects.get(of) {
            if self.path.len() > NESTING_MAX {
                return Err(BadTable::new(of, "an object in too many objects"));
            }
            let members = self.members(attributes, definition, repetition)?;
            (Shape::Object(members), repetition)
        } else {
            let of = leaf_type(of).ok_or_else(|| BadTable::new(of, "no type or object"))?;
            self.leaves.push(Leaf {
                of,
                definition_max: definition,
                is_repeated: repetition > 0,
                path: self.path.clone(),
            });
            (Shape::Leaf(of), repetition)
        };
        Ok(Node {
            shape,
            definition,
            repetition,
            leaves: first..self.leaves.len(),
        })
    }
}

fn leaf_type(name: &str) -> Option<Type> {
    match name {
        "int" => Some(Type::Int),
        "long" => Some(Type::Long),
        "time" => Some(Type::Time),
        "bool" => Some(Type::Bool),
        "float" => Some(Type::Float),
        "string" => Some(Type::String),
        "json" => Some(Type::Json),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str) -> &'static Class {
        CLASSES.iter().find(|class| class.name == name).unwrap()
    }

    #[test]
    fn every_class_of_the_table_has_columns() {
        assert_eq!(CLASSES.len(), 13);
        assert_eq!(CLASSES[BASE_EVENT].uid, 0);
        for class in CLASSES.iter() {
            assert!(class.source.len() <= 20, "{}", class.source);
        }
    }

    #[test]
    fn a_table_with_a_fault_is_refused() {
        let check = |text: &'static str, expect: &str| {
            let error = parse(text).unwrap_err().to_string();
            assert_eq!(error, expect);
        };
        let class = "class 1 a b\n  time time\n  unmapped json\n";
        check(class, "metadata.uid of a: missing");
        check("class x a b", "class x a b: the uid is no number");
        check("class 1 a", "class 1 a: not a line of the table");
        check("  time time", "  time time: of no class or object");
        check("class 1 a b\n  time tim", "tim: no type or object");
        check(
            "class 1 a b\n  c c\nobject c\n  c c",
            "c: an object in too many objects",
        );
    }

    #[test]
    fn levels_are_those_of_optional_parquet_lists_and_groups() {
        let check = |path: &[&str], definition_max| {
            let findings = class("detection_finding");
            let leaf = &findings.leaves[position(&findings.leaves, path).unwrap()];
            assert_eq!(leaf.definition_max, definition_max, "{path:?}");
        };
        check(&["time"], 1);
        check(&["metadata", "uid"], 2);
        check(&["metadata", "profiles"], 4);
        check(&["evidences", "url", "hostname"], 5);
        check(&["evidences", "email", "files", "hashes", "value"], 11);
    }

    #[test]
    fn a_class_without_columns_is_taken_in_by_the_base_event() {
        assert_eq!(CLASSES[Class::index_of(6006)].name, "file_hosting");
        assert_eq!(CLASSES[Class::index_of(9999)].name, "base_event");
        assert_eq!(CLASSES[Class::index_of(-1)].name, "base_event");
    }

    #[test]
    fn glue_types_are_written_as_athena_reads_them() {
        let columns = class("authentication").glue_columns();
        let of = |name: &str| {
            let column = columns.iter().find(|column| column.name == name).unwrap();
            column.glue_type.as_str()
        };
        assert_eq!(of("time"), "timestamp");
        assert_eq!(of("unmapped"), "string");
        assert_eq!(
            of("observables"),
            "array<struct<name:string,type_id:int,type:string,value:string>>"
        );
    }
}
