//! Navigating a parsed document.

use super::text::Text;
use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;

/// A parsed document: its nodes in document order, the root first.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    /// As in [`Doc`].
    pub(crate) lossy: bool,
}

/// A document whose nodes are part of a list that may hold several documents.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doc<'n, 'a> {
    nodes: &'n [Node<'a>],
    root: u32,
    /// The document holds a lone surrogate or a repeated key, so it cannot be rewritten without loss.
    pub(crate) lossy: bool,
}

/// A value and, for a member of an object, its name. A record has a hundred of these, and those of hundreds of records are in
/// memory together, so a [`Text`] and a [`Kind`] are stored as parts without padding between them.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    name: &'a str,
    /// The text of the [`Kind`], if it has one.
    text: &'a str,
    /// Index of the first node after this one and everything it contains.
    pub(crate) end: u32,
    form: Form,
    name_escaped: bool,
    /// A later member of the same object has the same key. The last one counts, as in most parsers.
    pub(crate) shadowed: bool,
    /// A rule has put this member's content into the event.
    pub(crate) used: Cell<bool>,
}

/// A [`Kind`] without its text.
#[derive(Debug, Clone, Copy)]
enum Form {
    Null,
    False,
    True,
    Number,
    Text,
    EscapedText,
    Array,
    Object,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind<'a> {
    Null,
    Bool(bool),
    /// The digits as in the input, so that no precision is lost.
    Number(&'a str),
    Text(Text<'a>),
    Array,
    Object,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    nodes: &'a [Node<'a>],
    at: u32,
}

impl<'a> Node<'a> {
    #[inline(always)]
    pub(crate) fn new(key: Text<'a>, kind: Kind<'a>, end: u32) -> Self {
        let (form, text) = match kind {
            Kind::Null => (Form::Null, ""),
            Kind::Bool(false) => (Form::False, ""),
            Kind::Bool(true) => (Form::True, ""),
            Kind::Number(number) => (Form::Number, number),
            Kind::Text(text) if text.escaped => (Form::EscapedText, text.raw),
            Kind::Text(text) => (Form::Text, text.raw),
            Kind::Array => (Form::Array, ""),
            Kind::Object => (Form::Object, ""),
        };
        Self {
            name: key.raw,
            text,
            end,
            form,
            name_escaped: key.escaped,
            shadowed: false,
            used: Cell::new(false),
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> Text<'a> {
        Text {
            raw: self.name,
            escaped: self.name_escaped,
        }
    }

    #[inline]
    pub(crate) fn kind(&self) -> Kind<'a> {
        let text = |escaped| Text {
            raw: self.text,
            escaped,
        };
        match self.form {
            Form::Null => Kind::Null,
            Form::False => Kind::Bool(false),
            Form::True => Kind::Bool(true),
            Form::Number => Kind::Number(self.text),
            Form::Text => Kind::Text(text(false)),
            Form::EscapedText => Kind::Text(text(true)),
            Form::Array => Kind::Array,
            Form::Object => Kind::Object,
        }
    }
}

impl<'a> Tree<'a> {
    pub(crate) fn doc(&self) -> Doc<'_, 'a> {
        Doc::new(&self.nodes, 0, self.lossy)
    }

    pub(crate) fn root(&self) -> Value<'_> {
        self.doc().root()
    }
}

impl<'n, 'a> Doc<'n, 'a> {
    /// The document whose root is at index `root` of `nodes`.
    pub(crate) fn new(nodes: &'n [Node<'a>], root: u32, lossy: bool) -> Self {
        Self { nodes, root, lossy }
    }

    pub(crate) fn root(self) -> Value<'n> {
        Value {
            nodes: self.nodes,
            at: self.root,
        }
    }

    /// The list of nodes, and the range of it that belongs to this document.
    pub(crate) fn nodes(self) -> (&'n [Node<'a>], Range<usize>) {
        let root = self.root as usize;
        (self.nodes, root..self.nodes[root].end as usize)
    }

    /// Clears the marks that making an event has left.
    pub(crate) fn forget_used(self) {
        let (nodes, own) = self.nodes();
        nodes[own].iter().for_each(|node| node.used.set(false));
    }

    /// A member of the root object, borrowed from the input rather than from the document.
    pub(crate) fn member(self, key: &str) -> Option<Kind<'a>> {
        let (nodes, own) = self.nodes();
        let mut at = own.start + 1;
        while at < own.end {
            let node = &nodes[at];
            if !node.shadowed && node.key().is(key) {
                return Some(node.kind());
            }
            at = node.end as usize;
        }
        None
    }
}

impl<'a> Value<'a> {
    /// The value's index among the document's nodes.
    pub(crate) fn position(self) -> u32 {
        self.at
    }

    /// The value at a position of the same document.
    pub(crate) fn at(self, position: u32) -> Self {
        Self {
            at: position,
            ..self
        }
    }

    fn node(self) -> &'a Node<'a> {
        &self.nodes[self.at as usize]
    }

    pub(crate) fn kind(self) -> Kind<'a> {
        self.node().kind()
    }

    pub(crate) fn key(self) -> Text<'a> {
        self.node().key()
    }

    pub(crate) fn is_object(self) -> bool {
        matches!(self.kind(), Kind::Object)
    }

    pub(crate) fn is_array(self) -> bool {
        matches!(self.kind(), Kind::Array)
    }

    /// Members of an object or elements of an array; nothing for a scalar.
    pub(crate) fn children(self) -> Children<'a> {
        let end = match self.kind() {
            Kind::Array | Kind::Object => self.node().end,
            _ => self.at + 1,
        };
        Children {
            nodes: self.nodes,
            at: self.at + 1,
            end,
        }
    }

    /// Elements of an array, or the value itself when it is not an array: Microsoft sends both for several lists.
    pub(crate) fn elements(self) -> Children<'a> {
        if self.is_array() {
            self.children()
        } else {
            Children {
                nodes: self.nodes,
                at: self.at,
                end: self.at + 1,
            }
        }
    }

    pub(crate) fn get(self, key: &str) -> Option<Self> {
        if !self.is_object() {
            return None;
        }
        self.children().find(|child| child.key().is(key))
    }

    /// The decoded string, if it is a string.
    pub(crate) fn str(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Text(text) => Some(text.cow()),
            _ => None,
        }
    }

    pub(crate) fn is_string(self) -> bool {
        matches!(self.kind(), Kind::Text(_))
    }

    /// Whether it is a string equal to `text`.
    #[inline]
    pub(crate) fn is_text(self, other: &str) -> bool {
        matches!(self.kind(), Kind::Text(text) if text.is(other))
    }

    /// Whether both are the same string.
    pub(crate) fn same_text(self, other: Self) -> bool {
        matches!((self.kind(), other.kind()), (Kind::Text(a), Kind::Text(b)) if a.same(b))
    }

    /// Any scalar as text: numbers as in the input, booleans as `true` and `false`.
    pub(crate) fn scalar(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Text(text) => Some(text.cow()),
            Kind::Number(number) => Some(Cow::Borrowed(number)),
            Kind::Bool(true) => Some(Cow::Borrowed("true")),
            Kind::Bool(false) => Some(Cow::Borrowed("false")),
            Kind::Null | Kind::Array | Kind::Object => None,
        }
    }

    /// A whole number, also from a string, and also as `1156492.00` or `1e9`.
    pub(crate) fn int(self) -> Option<i64> {
        match self.kind() {
            Kind::Number(number) => whole(number),
            Kind::Text(text) => whole(text.cow().trim()),
            _ => None,
        }
    }

    /// A boolean, also from a string such as "True".
    pub(crate) fn bool(self) -> Option<bool> {
        match self.kind() {
            Kind::Bool(value) => Some(value),
            Kind::Text(text) if text.raw.eq_ignore_ascii_case("true") => Some(true),
            Kind::Text(text) if text.raw.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// Whether the value is null, "", [] or {}.
    pub(crate) fn is_blank(self) -> bool {
        match self.kind() {
            Kind::Null => true,
            Kind::Text(text) => text.is_empty(),
            Kind::Array | Kind::Object => self.node().end == self.at + 1,
            _ => false,
        }
    }

    pub(crate) fn mark_used(self) {
        self.node().used.set(true);
    }

    pub(crate) fn is_used(self) -> bool {
        self.node().used.get()
    }
}

/// The largest whole number below which a double holds every whole number.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A whole number, however it is spelled. A fraction that is not zero is not whole.
fn whole(text: &str) -> Option<i64> {
    let parsed = text.parse();
    if parsed.is_ok() || !text.contains(['.', 'e', 'E']) {
        return parsed.ok();
    }
    // `inf`, `nan` and the like are doubles too.
    if !text.starts_with([
        '-', '+', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    ]) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    let exact = number.fract() == 0.0 && number.abs() < EXACT_MAX;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to be whole and in range"
    )]
    exact.then_some(number as i64)
}

#[derive(Debug, Clone)]
pub(crate) struct Children<'a> {
    nodes: &'a [Node<'a>],
    at: u32,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        while self.at < self.end {
            let node = &self.nodes[self.at as usize];
            let value = Value {
                nodes: self.nodes,
                at: self.at,
            };
            self.at = node.end;
            if !node.shadowed {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_in_any_spelling() {
        let check = |text: &str, expect: Option<i64>| assert_eq!(whole(text), expect, "{text}");
        check("1156492", Some(1_156_492));
        check("1156492.00", Some(1_156_492));
        check("-3.0", Some(-3));
        check("1e9", Some(1_000_000_000));
        check("1.5E3", Some(1_500));
        check("+7", Some(7));
        check("9223372036854775807", Some(i64::MAX));
        check("12.5", None);
        check("1e400", None);
        check("1e300", None);
        check("inf", None);
        check("+inf", None);
        check("-infinity", None);
        check("NaN", None);
        check("one", None);
        check("", None);
        check(".", None);
    }
}
