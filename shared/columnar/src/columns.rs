//! The columns of every class, read from `columns.txt`, as trees that lines are read along.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use crate::json::Token;

const TEXT: &str = include_str!("columns.txt");

/// Objects in objects at most: ends the reading of a table in which an object holds itself. The deepest real one is six.
const NESTING_MAX: usize = 16;

/// Every class that has columns, by ascending uid; the first is the Base Event, which takes in classes that have none.
pub static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| parse(TEXT));

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
    /// The name as it stands in front of its value in compact JSON: `"name":`
    pub(crate) quoted: Token,
    pub(crate) node: Node,
}

/// A place in the tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) shape: Shape,
    /// Definition level of a value that is here.
    pub(crate) def: u8,
    /// Repetition level of a list's second and later elements.
    pub(crate) rep: u8,
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
    String,
    /// Any JSON value, as its text.
    Json,
}

/// A column.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) of: Type,
    /// Definition level of a value.
    pub(crate) def_max: u8,
    /// The attributes that lead here.
    pub(crate) path: Vec<&'static str>,
}

impl Class {
    /// The class of an event: the Base Event's columns for a class that has none of its own.
    pub(crate) fn index_of(uid: i64) -> usize {
        CLASSES
            .iter()
            .position(|class| i64::from(class.uid) == uid)
            .unwrap_or_default()
    }

    /// The column at a path of attributes without lists.
    pub(crate) fn leaf(&self, path: &[&str]) -> Option<usize> {
        self.leaves.iter().position(|leaf| leaf.path == path)
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

/// The attributes of a class or object: name and type as they stand in the table.
type Attributes = Vec<(&'static str, &'static str)>;

/// Lines that are no definition are passed over; a test holds that there are none.
fn parse(text: &'static str) -> Vec<Class> {
    let mut objects: HashMap<&str, Attributes> = HashMap::new();
    let mut heads: Vec<(i32, &str, &str, Attributes)> = Vec::new();
    let mut object = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["class", uid, name, source] => {
                heads.push((uid.parse().unwrap_or_default(), name, source, Vec::new()));
                object = None;
            }
            ["object", name] => object = Some(*name),
            [name, of] => match (object, heads.last_mut()) {
                (Some(object), _) => objects.entry(object).or_default().push((name, of)),
                (None, Some(class)) => class.3.push((name, of)),
                (None, None) => {}
            },
            _ => {}
        }
    }
    let classes = heads.into_iter().map(|(uid, name, source, attributes)| {
        let mut tree = Tree {
            objects: &objects,
            leaves: Vec::new(),
            path: Vec::new(),
        };
        let members = tree.members(&attributes, 0, 0);
        Class {
            uid,
            name,
            source,
            members,
            unmapped: tree
                .leaves
                .iter()
                .position(|leaf| leaf.path == ["unmapped"])
                .unwrap_or(usize::MAX),
            leaves: tree.leaves,
        }
    });
    classes.collect()
}

/// A tree under construction.
struct Tree<'t> {
    objects: &'t HashMap<&'static str, Attributes>,
    leaves: Vec<Leaf>,
    path: Vec<&'static str>,
}

impl Tree<'_> {
    /// `def` and `rep`: the levels of the object that they are in.
    fn members(&mut self, attributes: &Attributes, def: u8, rep: u8) -> Vec<Member> {
        let mut members = Vec::with_capacity(attributes.len());
        for (name, of) in attributes {
            self.path.push(name);
            if let Some(node) = self.node(of, def, rep) {
                members.push(Member {
                    name,
                    quoted: Token::new(format!("\"{name}\":")),
                    node,
                });
            }
            self.path.pop();
        }
        members
    }

    fn node(&mut self, of: &str, def: u8, rep: u8) -> Option<Node> {
        let first = self.leaves.len();
        let def = def + 1;
        let (shape, rep) = if let Some(element) = of.strip_prefix("[]") {
            // An optional list of repeated, optional elements: two levels more.
            let element = self.node(element, def + 1, rep + 1)?;
            (Shape::List(Box::new(element)), rep + 1)
        } else if let Some(attributes) = self.objects.get(of) {
            if self.path.len() > NESTING_MAX {
                return None;
            }
            (Shape::Object(self.members(attributes, def, rep)), rep)
        } else {
            let of = leaf_type(of)?;
            self.leaves.push(Leaf {
                of,
                def_max: def,
                path: self.path.clone(),
            });
            (Shape::Leaf(of), rep)
        };
        Some(Node {
            shape,
            def,
            rep,
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
    fn every_line_of_the_table_becomes_columns() {
        let attributes = TEXT.lines().filter(|line| line.starts_with("  "));
        for line in attributes {
            let of = line
                .split_whitespace()
                .nth(1)
                .unwrap()
                .trim_start_matches("[]");
            let is_object = TEXT.lines().any(|line| line == format!("object {of}"));
            assert!(is_object || leaf_type(of).is_some(), "{line}");
        }
        assert_eq!(CLASSES.len(), 13);
        assert_eq!(CLASSES[0].uid, 0, "the Base Event is the first");
        for class in CLASSES.iter() {
            assert!(!class.members.is_empty() && class.leaf(&["metadata", "uid"]).is_some());
            assert!(class.source.len() <= 20, "{}", class.source);
            assert!(class.leaf(&["unmapped"]).is_some() && class.leaf(&["time"]).is_some());
        }
    }

    #[test]
    fn levels_are_those_of_optional_parquet_lists_and_groups() {
        let check = |path: &[&str], def_max| {
            let findings = class("detection_finding");
            let leaf = &findings.leaves[findings.leaf(path).unwrap()];
            assert_eq!(leaf.def_max, def_max, "{path:?}");
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
