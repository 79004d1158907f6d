//! The parser: strict RFC 8259 (no comments, no trailing commas, no bare control characters), except that lone
//! surrogates and repeated keys are let in and remembered in [`Tree::lossy`].

use super::{DEPTH_MAX, Kind, Node, Seen, Source, Text, Tree, plain_len};
use std::collections::HashMap;

/// Why a text is not JSON, with the byte offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Utf8(usize),
    Syntax(usize),
    TooDeep(usize),
    /// More nodes than [`NODES_MAX`].
    TooLarge,
}

/// Values in one record. Blobs are bounded long before; this keeps node indexes far inside 32 bits.
const NODES_MAX: usize = 4_000_000;

/// Values in one event: it has those of its record, some of them in two or three places.
const EVENT_NODES_MAX: usize = 4 * NODES_MAX;

/// Containers in containers in an event: the record's, and the few attributes that they are put into.
const EVENT_DEPTH_MAX: usize = DEPTH_MAX + 16;

/// Objects with more members than this are searched for repeated keys with a hash map and not one by one.
const PAIRWISE_MAX: usize = 64;

/// Bytes of input per node, for the first allocation: sign-ins have about 30, list-like records 20, and few less than 16.
pub(crate) const BYTES_PER_NODE: usize = 16;

/// Parses one JSON value, with nothing but white space around it.
pub(crate) fn parse(input: &[u8]) -> Result<Tree<'_>, Problem> {
    parse_within(input, DEPTH_MAX, NODES_MAX)
}

/// Parses an event that this crate has made of a record.
pub(crate) fn parse_event(input: &[u8]) -> Result<Tree<'_>, Problem> {
    parse_within(input, EVENT_DEPTH_MAX, EVENT_NODES_MAX)
}

fn parse_within(input: &[u8], depth_max: usize, nodes_max: usize) -> Result<Tree<'_>, Problem> {
    let mut nodes = Vec::with_capacity(input.len() / BYTES_PER_NODE + 4);
    let lossy = append(input, depth_max, nodes_max, &mut nodes)?;
    Ok(Tree { nodes, lossy })
}

/// [`parse`], with the document's nodes behind those of others: its root is the first of them. Says whether it is lossy.
pub(crate) fn parse_into<'a>(input: &'a [u8], nodes: &mut Vec<Node<'a>>) -> Result<bool, Problem> {
    append(input, DEPTH_MAX, NODES_MAX, nodes)
}

fn append<'a>(
    input: &'a [u8],
    depth_max: usize,
    nodes_max: usize,
    nodes: &mut Vec<Node<'a>>,
) -> Result<bool, Problem> {
    let text = std::str::from_utf8(input).map_err(|error| Problem::Utf8(error.valid_up_to()))?;
    let before = nodes.len();
    let mut parser = Parser {
        text,
        bytes: input,
        at: 0,
        nodes: std::mem::take(nodes),
        nodes_max: before + nodes_max,
        lossy: false,
        rewrites: 0,
    };
    let parsed = parser.document(depth_max);
    *nodes = parser.nodes;
    if parsed.is_err() {
        nodes.truncate(before);
    }
    parsed.map(|()| parser.lossy)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node<'a>>,
    nodes_max: usize,
    lossy: bool,
    /// How much was passed that is not copied as it is.
    rewrites: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        // Nearly always there are none.
        while let Some(byte) = self.peek()
            && byte <= b' '
            && matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
        {
            self.at += 1;
            self.rewrites += 1;
        }
    }

    /// A part of the text whose ends are between characters. In two steps, because an index takes a call for each.
    #[inline(always)]
    fn part(&self, start: usize, end: usize) -> &'a str {
        self.text.split_at(end).0.split_at(start).1
    }

    /// Passes the first of two bytes, if those are next: what stands between strings, nearly always.
    #[inline(always)]
    fn pass(&mut self, next: [u8; 2]) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let is_next = rest.first_chunk() == Some(&next);
        self.at += usize::from(is_next);
        is_next
    }

    fn document(&mut self, depth_max: usize) -> Result<(), Problem> {
        self.blanks();
        self.value(Text::default(), depth_max)?;
        self.blanks();
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            self.syntax()
        }
    }

    fn syntax<T>(&self) -> Result<T, Problem> {
        Err(Problem::Syntax(self.at))
    }

    fn expect(&mut self, byte: u8) -> Result<(), Problem> {
        if self.peek() != Some(byte) {
            return self.syntax();
        }
        self.at += 1;
        Ok(())
    }

    #[inline(always)]
    fn push(&mut self, key: Text<'a>, kind: Kind<'a>) -> Result<usize, Problem> {
        let index = self.nodes.len();
        if index >= self.nodes_max {
            return Err(Problem::TooLarge);
        }
        let end = index as u32 + 1;
        self.nodes.push(Node::new(key, kind, end));
        Ok(index)
    }

    fn value(&mut self, key: Text<'a>, depth: usize) -> Result<(), Problem> {
        match self.peek() {
            Some(b'"') => {
                let text = self.string()?;
                self.push(key, Kind::Text(text))?;
            }
            Some(b'{') => self.object(key, depth)?,
            Some(b'[') => self.array(key, depth)?,
            Some(b't') => self.literal("true", key, Kind::Bool(true))?,
            Some(b'f') => self.literal("false", key, Kind::Bool(false))?,
            Some(b'n') => self.literal("null", key, Kind::Null)?,
            Some(b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                self.push(key, Kind::Number(number))?;
            }
            _ => return self.syntax(),
        }
        Ok(())
    }

    fn literal(&mut self, word: &str, key: Text<'a>, kind: Kind<'a>) -> Result<(), Problem> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return self.syntax();
        }
        self.at += word.len();
        self.push(key, kind).map(drop)
    }

    fn array(&mut self, key: Text<'a>, depth: usize) -> Result<(), Problem> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Problem::TooDeep(self.at));
        };
        let (start, rewrites) = (self.at, self.rewrites);
        let index = self.push(key, Kind::Array(""))?;
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(Text::default(), depth)?;
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => break,
            }
            self.blanks();
        }
        self.expect(b']')?;
        let source = self.source(start, rewrites);
        self.close(index, source);
        Ok(())
    }

    fn object(&mut self, key: Text<'a>, depth: usize) -> Result<(), Problem> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Problem::TooDeep(self.at));
        };
        let (start, rewrites) = (self.at, self.rewrites);
        let index = self.push(key, Kind::Object(""))?;
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let (mut members, mut seen) = (0usize, Seen::default());
        loop {
            if self.peek() != Some(b'"') {
                return self.syntax();
            }
            let name = self.string()?;
            if seen.perhaps(name) && members <= PAIRWISE_MAX {
                self.shadow_earlier(index, name);
            }
            members += 1;
            if !self.pass(*b":\"") {
                self.blanks();
                self.expect(b':')?;
                self.blanks();
            }
            // Most are strings: those without the call.
            if self.peek() == Some(b'"') {
                let text = self.string()?;
                self.push(name, Kind::Text(text))?;
            } else {
                self.value(name, depth)?;
            }
            if self.pass(*b",\"") {
                continue;
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                _ => break,
            }
            self.blanks();
        }
        self.expect(b'}')?;
        self.nodes[index].end = self.nodes.len() as u32;
        if members > PAIRWISE_MAX {
            self.shadow_repeats(index);
        }
        let source = self.source(start, rewrites);
        self.close(index, source);
        Ok(())
    }

    /// The text of a container that has been passed, if it can stand for what it holds.
    fn source(&self, start: usize, rewrites: usize) -> Source<'a> {
        if self.rewrites == rewrites {
            self.part(start, self.at)
        } else {
            ""
        }
    }

    fn close(&mut self, index: usize, source: Source<'a>) {
        let end = self.nodes.len() as u32;
        self.nodes[index].close(source, end);
    }

    /// Marks an earlier member of the open object that has this key.
    fn shadow_earlier(&mut self, object: usize, key: Text<'a>) {
        let mut at = object + 1;
        while let Some(node) = self.nodes.get_mut(at) {
            if node.key().same(key) {
                self.lossy |= !node.shadowed;
                self.rewrites += 1;
                node.shadowed = true;
            }
            at = node.end as usize;
        }
    }

    /// Marks all but the last of members with equal keys, in an object of many.
    fn shadow_repeats(&mut self, object: usize) {
        let (mut at, end) = (object + 1, self.nodes[object].end as usize);
        let mut last = HashMap::new();
        let mut repeated = Vec::new();
        while at < end {
            repeated.extend(last.insert(self.nodes[at].key().cow(), at));
            at = self.nodes[at].end as usize;
        }
        self.lossy |= !repeated.is_empty();
        for index in repeated {
            self.nodes[index].shadowed = true;
            self.rewrites += 1;
        }
    }

    #[inline(always)]
    fn string(&mut self) -> Result<Text<'a>, Problem> {
        let start = self.at + 1;
        let end = start + plain_len(&self.bytes[start..]);
        if self.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(Text {
                raw: self.part(start, end),
                escaped: false,
            });
        }
        self.escaped_string(start, end)
    }

    /// A string that is plain up to `at` and not at its end there.
    #[inline(never)]
    fn escaped_string(&mut self, start: usize, mut at: usize) -> Result<Text<'a>, Problem> {
        loop {
            match self.bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => at += self.escape(at)?,
                _ => return Err(Problem::Syntax(at)),
            }
            at += plain_len(&self.bytes[at..]);
        }
        self.at = at + 1;
        Ok(Text {
            raw: self.part(start, at),
            escaped: true,
        })
    }

    /// The length of the escape at `at`.
    fn escape(&mut self, at: usize) -> Result<usize, Problem> {
        match self.bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
            Some(b'u') => {
                self.rewrites += 1;
                let Some(first) = self.unit(at) else {
                    return Err(Problem::Syntax(at));
                };
                match first {
                    0xD800..=0xDBFF if matches!(self.unit(at + 6), Some(0xDC00..=0xDFFF)) => Ok(12),
                    0xD800..=0xDFFF => {
                        self.lossy = true;
                        Ok(6)
                    }
                    _ => Ok(6),
                }
            }
            _ => Err(Problem::Syntax(at)),
        }
    }

    /// The UTF-16 unit of a `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at + 6)?;
        let digits = bytes.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, digit| {
            Some(unit * 16 + char::from(*digit).to_digit(16)?)
        })
    }

    fn number(&mut self) -> Result<&'a str, Problem> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return self.syntax();
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.part(start, self.at))
    }

    fn digits(&mut self) -> Result<&'a str, Problem> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if start == self.at {
            self.syntax()
        } else {
            Ok(self.part(start, self.at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value is JSON here exactly when serde_json says so.
    #[track_caller]
    fn check(input: &str) {
        let ours = parse(input.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Value>(input);
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{input}: {ours:?} {theirs:?}");
    }

    #[test]
    fn accepts_and_refuses_what_serde_json_does() {
        for input in [
            "",
            " ",
            "null",
            "nul",
            "true",
            "false",
            "tru",
            "1",
            "-1",
            "-",
            "01",
            "1.",
            "1.5",
            ".5",
            "1e5",
            "1E+5",
            "1e",
            "-0",
            "\"a\"",
            "\"a",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u0041\"",
            "\"\n\"",
            "[]",
            "[1,]",
            "[1 2]",
            "[1,2]",
            "[",
            "]",
            "{}",
            "{\"a\":1}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            " {\"a\" : [ 1 , { } ] } ",
            "{} {}",
            "[1]x",
            "\u{feff}{}",
        ] {
            check(input);
        }
    }

    #[test]
    fn refuses_bytes_that_are_not_utf8() {
        assert_eq!(parse(b"{\"a\":\"\xff\"}").err(), Some(Problem::Utf8(6)));
    }

    #[test]
    fn stops_at_the_depth_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert_eq!(
            parse(nested(DEPTH_MAX + 1).as_bytes()).err(),
            Some(Problem::TooDeep(DEPTH_MAX))
        );
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        let doc = parse(br#"{"a":1,"b":2,"\u0061":3}"#).unwrap();
        assert!(doc.lossy);
        assert_eq!(doc.root().get("a").and_then(|value| value.int()), Some(3));
        assert_eq!(doc.root().children().count(), 2);
        let many: Vec<String> = (0..200).map(|n| format!("\"k{}\":{n}", n % 150)).collect();
        let many = format!("{{{}}}", many.join(","));
        let doc = parse(many.as_bytes()).unwrap();
        assert_eq!(doc.root().children().count(), 150);
        assert_eq!(
            doc.root().get("k7").and_then(|value| value.int()),
            Some(157)
        );
    }
}
