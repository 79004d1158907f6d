//! Parsing: jiter finds the values of a JSON text and checks the syntax; the values become one flat list of nodes.
//!
//! Strict RFC 8259, except that lone surrogates and repeated keys are accepted and recorded in [`Tree::lossy`].

use super::text::{Seen, Text};
use super::value::{Kind, Node, Tree};
use jiter::JiterErrorType::JsonError;
use jiter::{Jiter, JiterError, JsonErrorType, Peek};
use memchr::memchr;
use std::collections::HashMap;

/// Why a text is not JSON, with the byte offset where the fault begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Utf8(usize),
    Syntax(usize),
    TooDeep(usize),
    /// More nodes than [`NODES_MAX`], or a number with more than jiter's limit of 4,300 digits.
    TooLarge,
}

/// Depth of nested containers. The deepest known audit records nest 7 deep; the limit keeps the recursion of the parser
/// and the writer well within a thread's 2 MiB stack.
const DEPTH_MAX: usize = 64;

/// Values in one record. Blobs are limited to far fewer; this keeps node indexes within 32 bits.
const NODES_MAX: usize = 4_000_000;

/// Values in one event: those of its record, some of them two or three times.
const EVENT_NODES_MAX: usize = 4 * NODES_MAX;

/// Depth of an event: the record's, and that of the attributes around its values.
const EVENT_DEPTH_MAX: usize = DEPTH_MAX + 16;

/// Objects with more members than this are checked for repeated keys with a hash map instead of pair by pair.
const PAIRWISE_MAX: usize = 64;

/// Bytes of input per node, for the first allocation. Sign-ins have about 30, list-like records 20; few records have
/// less than 16.
pub(crate) const BYTES_PER_NODE: usize = 16;

/// Parses one JSON value with only white space around it.
pub(crate) fn parse(input: &[u8]) -> Result<Tree<'_>, Problem> {
    parse_within(input, DEPTH_MAX, NODES_MAX)
}

/// Parses an event that this crate has made.
pub(crate) fn parse_event(input: &[u8]) -> Result<Tree<'_>, Problem> {
    parse_within(input, EVENT_DEPTH_MAX, EVENT_NODES_MAX)
}

fn parse_within(input: &[u8], depth_max: usize, nodes_max: usize) -> Result<Tree<'_>, Problem> {
    let mut nodes = Vec::with_capacity(input.len() / BYTES_PER_NODE + 4);
    let lossy = append(input, depth_max, nodes_max, &mut nodes)?;
    Ok(Tree { nodes, lossy })
}

/// Like [`parse`], but appends the document's nodes to those of other documents; its root is the first node appended.
/// Returns whether the document is lossy.
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
    let mut read = |json: &[u8]| {
        let mut reader = Reader {
            jiter: Jiter::new(json),
            json,
            text,
            backslash: None,
            nodes: &mut *nodes,
            nodes_max: before + nodes_max,
            repeats: false,
        };
        let read = reader.document(depth_max).map(|()| reader.repeats);
        if read.is_err() {
            nodes.truncate(before);
        }
        read
    };
    read(input).or_else(|problem| match without_lone_surrogates(input) {
        Some(json) => read(&json).map(|_| true),
        None => Err(problem),
    })
}

struct Reader<'j, 'a, 'n> {
    jiter: Jiter<'j>,
    /// The text that jiter reads: the original, or a copy in which only lone surrogates differ. Offsets are the same in
    /// both.
    json: &'j [u8],
    text: &'a str,
    /// The first backslash at or after the start of the last string, if known.
    backslash: Option<usize>,
    nodes: &'n mut Vec<Node<'a>>,
    nodes_max: usize,
    /// An object has a repeated key.
    repeats: bool,
}

impl<'a> Reader<'_, 'a, '_> {
    fn document(&mut self, depth_max: usize) -> Result<(), Problem> {
        let first = self.jiter.peek().map_err(|error| self.problem(&error))?;
        self.value(first, Text::default(), depth_max)?;
        self.jiter.finish().map_err(|error| self.problem(&error))
    }

    fn value(&mut self, first: Peek, key: Text<'a>, depth: usize) -> Result<(), Problem> {
        let start = self.jiter.current_index();
        match first {
            Peek::String => {
                let read = self.jiter.known_bytes().map(|_| ());
                read.map_err(|error| self.problem(&error))?;
                // The string without its quotes.
                let text = self.string(start + 1, self.jiter.current_index() - 1);
                self.push(key, Kind::Text(text))?;
            }
            Peek::Object => self.object(key, depth)?,
            Peek::Array => self.array(key, depth)?,
            Peek::Null => {
                let null = self.jiter.known_null();
                null.map_err(|_| Problem::Syntax(start))?;
                self.push(key, Kind::Null)?;
            }
            Peek::True | Peek::False => {
                let bool = self.jiter.known_bool(first);
                let bool = bool.map_err(|_| Problem::Syntax(start))?;
                self.push(key, Kind::Bool(bool))?;
            }
            _ if first.is_num() => {
                let read = self.jiter.known_number_bytes(first).map(|_| ());
                read.map_err(|error| self.problem(&error))?;
                let number = self.part(start, self.jiter.current_index());
                self.push(key, Kind::Number(number))?;
            }
            _ => return Err(Problem::Syntax(start)),
        }
        Ok(())
    }

    fn array(&mut self, key: Text<'a>, depth: usize) -> Result<(), Problem> {
        let depth = self.deeper(depth)?;
        let array = self.push(key, Kind::Array)?;
        let mut next = self.jiter.known_array();
        while let Some(first) = next.map_err(|error| self.problem(&error))? {
            self.value(first, Text::default(), depth)?;
            next = self.jiter.array_step();
        }
        self.close(array);
        Ok(())
    }

    fn object(&mut self, key: Text<'a>, depth: usize) -> Result<(), Problem> {
        let depth = self.deeper(depth)?;
        let object = self.push(key, Kind::Object)?;
        let (mut members, mut seen) = (0usize, Seen::default());
        let json = self.json;
        let place = |key: &[u8]| (offset(json, key), key.len());
        let mut next = self.jiter.next_object_bytes().map(|key| key.map(place));
        while let Some((start, length)) = next.map_err(|error| self.problem(&error))? {
            let name = self.string(start, start + length);
            if seen.perhaps(name) && members <= PAIRWISE_MAX {
                self.shadow_earlier(object, name);
            }
            members += 1;
            let first = self.jiter.peek().map_err(|error| self.problem(&error))?;
            self.value(first, name, depth)?;
            next = self.jiter.next_key_bytes().map(|key| key.map(place));
        }
        self.close(object);
        if members > PAIRWISE_MAX {
            self.shadow_repeats(object);
        }
        Ok(())
    }

    fn deeper(&self, depth: usize) -> Result<usize, Problem> {
        let too_deep = Problem::TooDeep(self.jiter.current_index());
        depth.checked_sub(1).ok_or(too_deep)
    }

    // Inlined, the node is written where it stays.
    #[inline(always)]
    fn push(&mut self, key: Text<'a>, kind: Kind<'a>) -> Result<usize, Problem> {
        let index = self.nodes.len();
        if index >= self.nodes_max {
            return Err(Problem::TooLarge);
        }
        self.nodes.push(Node::new(key, kind, index as u32 + 1));
        Ok(index)
    }

    fn close(&mut self, container: usize) {
        self.nodes[container].end = self.nodes.len() as u32;
    }

    /// A slice of the text. Both ends must be between characters.
    fn part(&self, start: usize, end: usize) -> &'a str {
        self.text.split_at(end).0.split_at(start).1
    }

    /// The content of a string, without its quotes.
    #[inline(always)]
    fn string(&mut self, start: usize, end: usize) -> Text<'a> {
        // One search finds the next backslash for all strings before it; it is mostly far away.
        let known = self.backslash.filter(|at| *at >= start);
        let backslash = known.unwrap_or_else(|| {
            let rest = &self.json[start..];
            start + memchr(b'\\', rest).unwrap_or(rest.len())
        });
        self.backslash = Some(backslash);
        Text {
            raw: self.part(start, end),
            escaped: backslash < end,
        }
    }

    /// Marks an earlier member of the open object that has the same key.
    fn shadow_earlier(&mut self, object: usize, key: Text<'a>) {
        let mut at = object + 1;
        while let Some(node) = self.nodes.get_mut(at) {
            if node.key().same(key) {
                self.repeats = true;
                node.shadowed = true;
            }
            at = node.end as usize;
        }
    }

    /// Marks all but the last of the members with equal keys, in an object with many members.
    fn shadow_repeats(&mut self, object: usize) {
        let (mut at, end) = (object + 1, self.nodes[object].end as usize);
        let mut last = HashMap::new();
        let mut repeated = Vec::new();
        while at < end {
            repeated.extend(last.insert(self.nodes[at].key().cow(), at));
            at = self.nodes[at].end as usize;
        }
        self.repeats |= !repeated.is_empty();
        for index in repeated {
            self.nodes[index].shadowed = true;
        }
    }

    /// Translates jiter's error. jiter stops somewhere inside the faulty value; the reported offset is where that value
    /// begins or, for a number, where it ends.
    #[cold]
    fn problem(&self, error: &JiterError) -> Problem {
        let JsonError(wrong) = &error.error_type else {
            return Problem::Syntax(error.index);
        };
        let bytes = self.text.as_bytes();
        match wrong {
            JsonErrorType::NumberOutOfRange => Problem::TooLarge,
            // A zero before other digits.
            JsonErrorType::InvalidNumber => {
                let rest = &bytes[error.index..];
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                Problem::Syntax(error.index + digits)
            }
            JsonErrorType::InvalidEscape | JsonErrorType::EofWhileParsingString => {
                // jiter's index is still at the opening quote.
                Problem::Syntax(fault_in_string(bytes, self.jiter.current_index()))
            }
            _ => Problem::Syntax(error.index),
        }
    }
}

/// The offset of `part` in `whole`, of which it is a slice.
pub(crate) fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// The offset of the first bad escape in the string whose quote is at `quote`, or the end of the text.
fn fault_in_string(text: &[u8], quote: usize) -> usize {
    let mut at = quote + 1;
    while let Some(ahead) = memchr(b'\\', &text[at..]) {
        at += ahead;
        at += match text.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if utf16_unit(text, at).is_some() => 6,
            _ => return at,
        };
    }
    text.len()
}

/// The UTF-16 code unit of the `\uXXXX` at `at`.
fn utf16_unit(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| {
        Some(unit * 16 + char::from(*digit).to_digit(16)?)
    })
}

/// The text with `\ufffd` for each lone surrogate; `None` when it has none.
fn without_lone_surrogates(text: &[u8]) -> Option<Vec<u8>> {
    let mut whole = text.to_vec();
    let (mut at, mut found) = (0, false);
    while let Some(ahead) = memchr(b'\\', text.get(at..).unwrap_or_default()) {
        at += ahead;
        at += match utf16_unit(text, at) {
            None => 2,
            Some(0xD800..=0xDBFF) if matches!(utf16_unit(text, at + 6), Some(0xDC00..=0xDFFF)) => {
                12
            }
            Some(0xD800..=0xDFFF) => {
                whole[at..at + 6].copy_from_slice(b"\\ufffd");
                found = true;
                6
            }
            Some(_) => 6,
        };
    }
    found.then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that this parser and serde_json agree on whether the text is JSON.
    #[track_caller]
    fn check(input: &str) {
        let ours = parse(input.as_bytes());
        let theirs = serde_json::from_str::<serde_json::Value>(input);
        assert_eq!(ours.is_ok(), theirs.is_ok(), "{input}: {ours:?} {theirs:?}");
    }

    #[test]
    fn accepts_and_rejects_the_same_as_serde_json() {
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
    fn rejects_bytes_that_are_not_utf8() {
        assert_eq!(parse(b"{\"a\":\"\xff\"}").err(), Some(Problem::Utf8(6)));
    }

    #[test]
    fn a_fault_is_reported_where_it_begins() {
        for (input, at) in [
            ("", 0),
            ("[1,nul]", 3),
            ("[1 2]", 3),
            ("[1,]", 3),
            ("[-x]", 2),
            ("[0123 ]", 5),
            ("[1.]", 3),
            ("[NaN]", 1),
            ("{\"a\" 1}", 5),
            ("{\"a\":1,}", 7),
            ("{} {}", 3),
            ("[\"ab", 4),
            ("[\"a\\n\nb\"]", 5),
            (r#"["a\\n\x"]"#, 6),
            (r#"["a\u12"]"#, 3),
            (r#"{"a\u00g0":1}"#, 3),
            (r#"["\ud800\u12"#, 8),
            (r#"["\ud800","\x"]"#, 11),
        ] {
            let problem = parse(input.as_bytes()).err();
            assert_eq!(problem, Some(Problem::Syntax(at)), "{input}");
        }
    }

    #[test]
    fn lone_surrogates_are_accepted_and_recorded() {
        let input = r#"{"\udc00":"a\ud800","b\ud83d\ude00":"\\ud800 \ud83d\ud83d\ude00"}"#;
        let tree = parse(input.as_bytes()).unwrap();
        assert!(tree.lossy);
        let members = tree.root().children();
        let members: Vec<_> = members
            .map(|member| (member.key().cow(), member.str().unwrap()))
            .collect();
        assert_eq!(members[0], ("\u{fffd}".into(), "a\u{fffd}".into()));
        let whole = ("b\u{1f600}".into(), "\\ud800 \u{fffd}\u{1f600}".into());
        assert_eq!(members[1], whole);
        assert!(!parse(br#""\ud83d\ude00 \\ud800""#).unwrap().lossy);
    }

    #[test]
    fn numbers_keep_their_text_up_to_jiters_limit() {
        for number in ["1156492.00", "-0", "1E+400", &"9".repeat(4300)] {
            let tree = parse(number.as_bytes()).unwrap();
            assert_eq!(tree.root().scalar().as_deref(), Some(number));
        }
        let problem = parse("9".repeat(4301).as_bytes()).err();
        assert_eq!(problem, Some(Problem::TooLarge));
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
