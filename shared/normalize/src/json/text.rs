//! A JSON string, as it is in the input.

use memchr::memchr;
use std::borrow::Cow;

/// The text between the quotes. It holds escapes when `escaped` is set.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a str,
    pub(crate) escaped: bool,
}

impl<'a> Text<'a> {
    /// The decoded string. A lone surrogate (Microsoft cuts subjects at a number of UTF-16 units) becomes U+FFFD.
    pub(crate) fn cow(self) -> Cow<'a, str> {
        if self.escaped {
            Cow::Owned(unescape(self.raw))
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// Compares without allocating when nothing is escaped.
    #[inline]
    pub(crate) fn is(self, other: &str) -> bool {
        if self.escaped {
            unescape(self.raw) == other
        } else {
            self.raw == other
        }
    }

    /// Whether both are the same string.
    #[inline]
    pub(crate) fn same(self, other: Self) -> bool {
        if self.escaped || other.escaped {
            self.cow() == other.cow()
        } else {
            self.raw == other.raw
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.raw.is_empty()
    }
}

/// A Bloom filter of texts seen so far, which saves most comparisons of a text with all earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Seen([u64; 4]);

impl Seen {
    /// Adds the text. Returns whether it may have been added before; an escaped text may be equal to any other.
    #[inline]
    pub(crate) fn perhaps(&mut self, text: Text<'_>) -> bool {
        if text.escaped {
            self.0 = [u64::MAX; 4];
            return true;
        }
        let hash = hash(text.raw) as usize;
        let word = &mut self.0[hash / 64 % 4];
        let bit = 1 << (hash % 64);
        let perhaps = *word & bit != 0;
        *word |= bit;
        perhaps
    }
}

/// A hash of a text's length and three of its bytes: enough to tell names apart.
#[inline(always)]
pub(crate) const fn hash(text: &str) -> u8 {
    let bytes = text.as_bytes();
    let [first, .., last] = bytes else {
        return 0;
    };
    let middle = bytes[bytes.len() / 2];
    let word = u32::from_le_bytes([*first, *last, middle, bytes.len() as u8]);
    // Knuth's multiplicative hashing: the highest bits depend on all bits of the word.
    (word.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let (char, len) = decode(escape);
        out.push(char);
        rest = escape.get(len..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The character of the escape at the start of `escape`, and the escape's length in bytes. The parser has checked the
/// escape's syntax.
pub(crate) fn decode(escape: &str) -> (char, usize) {
    let bytes = escape.as_bytes();
    let simple = match bytes.get(1) {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return decode_unicode(escape),
        Some(other) => char::from(*other),
        None => char::REPLACEMENT_CHARACTER,
    };
    (simple, 2)
}

fn decode_unicode(escape: &str) -> (char, usize) {
    let Some(first) = hex4(escape, 2) else {
        return (char::REPLACEMENT_CHARACTER, 6);
    };
    if let Some(char) = char::from_u32(first) {
        return (char, 6);
    }
    let second = if escape.get(6..8) == Some("\\u") {
        hex4(escape, 8)
    } else {
        None
    };
    match second {
        Some(low @ 0xDC00..=0xDFFF) if first < 0xDC00 => {
            let code = 0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            (
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
                12,
            )
        }
        _ => (char::REPLACEMENT_CHARACTER, 6),
    }
}

fn hex4(text: &str, from: usize) -> Option<u32> {
    u32::from_str_radix(text.get(from..from + 4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expect: &str) {
        assert_eq!(Text { raw, escaped: true }.cow(), expect, "{raw}");
    }

    #[test]
    fn decodes_every_escape() {
        check(r#"a\"b\\c\/d\b\f\n\r\te"#, "a\"b\\c/d\u{8}\u{c}\n\r\te");
        check(r"\u00e9\u20AC", "é€");
        check(r"\ud83d\ude00!", "😀!");
    }

    #[test]
    fn replaces_lone_surrogates() {
        check(r"x\ud83d", "x\u{fffd}");
        check(r"\ud83dx", "\u{fffd}x");
        check(r"\ude00\ud83d\ude00", "\u{fffd}😀");
        check(r"\ud83d\u0041", "\u{fffd}A");
    }
}
