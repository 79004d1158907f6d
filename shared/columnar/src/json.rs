//! Reading JSON where it lies: a cursor that checks every byte it passes and builds nothing.

use wide::u8x16;

/// Lists and objects in each other, at most. The normalizer's own limit is 64, and an event adds fewer than ten.
pub const DEPTH_MAX: usize = 256;

/// The text is not JSON, at this byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) at: usize,
}

/// A string of a text, without its quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a> {
    /// As it stands there, with its escapes.
    pub(crate) raw: &'a [u8],
    /// Whether there are any.
    pub(crate) escaped: bool,
}

/// A text that is often looked for.
#[derive(Debug)]
pub(crate) struct Token {
    text: String,
    /// The first bytes, at most eight, and which bits of a word they are.
    head: u64,
    head_mask: u64,
    /// The last eight bytes, if there are so many.
    tail: u64,
}

impl Token {
    pub(crate) fn new(text: String) -> Self {
        let tail = text.len().saturating_sub(8);
        Self {
            head: word_of(text.as_bytes()),
            head_mask: word_of(&vec![0xff; text.len()]),
            tail: word_of(text.as_bytes().get(tail..).unwrap_or_default()),
            text,
        }
    }
}

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

/// Bytes of a string looked at together: what a vector register of every processor holds.
const WIDTH: usize = 16;

/// A bit for each byte that ends the plain part of a string: quotes, backslashes, and what no string may have.
#[inline(always)]
fn specials(bytes: [u8; WIDTH]) -> u32 {
    let bytes = u8x16::from(bytes);
    let control = u8x16::splat(0x1f);
    let found = bytes.simd_eq(u8x16::splat(b'"'))
        | bytes.simd_eq(u8x16::splat(b'\\'))
        | bytes.min(control).simd_eq(bytes);
    found.to_bitmask()
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn fault<T>(&self) -> Result<T, Syntax> {
        Err(Syntax { at: self.at })
    }

    /// Where it stands, for [`Cursor::back_to`].
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is not blank; 0, which is nowhere in JSON, at the end.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> u8 {
        match self.byte() {
            Some(byte) if byte > b' ' => byte,
            _ => self.peek_behind_blanks(),
        }
    }

    #[cold]
    #[inline(never)]
    fn peek_behind_blanks(&mut self) -> u8 {
        loop {
            match self.byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                byte => return byte.unwrap_or(0),
            }
        }
    }

    /// Passes `byte` if it is next.
    pub(crate) fn pass(&mut self, byte: u8) -> bool {
        // Mostly without blanks before it.
        let is_next = self.byte() == Some(byte) || self.peek() == byte;
        self.at += usize::from(is_next);
        is_next
    }

    /// The eight bytes from `ahead` bytes ahead, blanks too, the first lowest; behind the end there are zeros.
    pub(crate) fn word(&self, ahead: usize) -> u64 {
        let rest = self.text.get(self.at + ahead..);
        match rest.and_then(|rest| rest.first_chunk()) {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => word_of(rest.unwrap_or_default()),
        }
    }

    /// Passes `token` if it is next, without blanks before it; `word` are the next bytes.
    pub(crate) fn pass_token(&mut self, token: &Token, word: u64) -> bool {
        let length = token.text.len();
        // Two words that overlap are most tokens.
        let is_next = word & token.head_mask == token.head
            && (length <= 8 || self.word(length - 8) == token.tail)
            && (length <= 16 || self.rest().starts_with(token.text.as_bytes()));
        self.at += if is_next { length } else { 0 };
        is_next
    }

    /// What has not been passed.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Whether there is a quote where a string would end that is next and has `length` bytes: it tells most texts apart.
    #[inline(always)]
    pub(crate) fn may_have_length(&self, length: usize) -> bool {
        self.text.get(self.at + 1 + length) == Some(&b'"')
    }

    /// Passes a string if it is this one, which stands for itself. [`Cursor::peek`] and [`Cursor::may_have_length`] have found
    /// its quotes.
    #[inline(always)]
    pub(crate) fn pass_this(&mut self, text: &[u8]) -> bool {
        let from = self.at + 1;
        let is_next = self.text.get(from..from + text.len()) == Some(text);
        self.at += if is_next { text.len() + 2 } else { 0 };
        is_next
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Syntax> {
        if self.pass(byte) {
            Ok(())
        } else {
            self.fault()
        }
    }

    /// Only blanks are left.
    pub(crate) fn end(&mut self) -> Result<(), Syntax> {
        if self.peek() == 0 && self.at == self.text.len() {
            Ok(())
        } else {
            self.fault()
        }
    }

    /// A member's name, with the colon behind it.
    pub(crate) fn key(&mut self) -> Result<Text<'a>, Syntax> {
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Syntax> {
        self.expect(b'"')?;
        let from = self.at;
        let escaped = self.pass_text()?;
        let raw = self.text.get(from..self.at - 1).unwrap_or_default();
        Ok(Text { raw, escaped })
    }

    /// Passes the rest of a string behind its first quote, and answers whether there are escapes.
    #[inline]
    fn pass_text(&mut self) -> Result<bool, Syntax> {
        self.pass_plain();
        if self.byte() != Some(b'"') {
            return self.pass_escaped();
        }
        self.at += 1;
        Ok(false)
    }

    /// The same, where there is more than plain bytes.
    #[cold]
    fn pass_escaped(&mut self) -> Result<bool, Syntax> {
        let mut escaped = false;
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.pass_escape()?;
                }
                Some(byte) if byte >= 0x20 => self.at += 1,
                _ => return self.fault(),
            }
            self.pass_plain();
        }
    }

    /// Passes bytes of a string that stand for themselves, all but the last few of the text.
    #[inline(always)]
    fn pass_plain(&mut self) {
        let (chunks, _) = self.rest().as_chunks();
        for chunk in chunks {
            let found = specials(*chunk);
            if found != 0 {
                self.at += found.trailing_zeros() as usize;
                return;
            }
            self.at += WIDTH;
        }
    }

    fn pass_escape(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.text.get(self.at + 1..self.at + 5).unwrap_or_default();
                if digits.len() != 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return self.fault();
                }
                self.at += 5;
            }
            _ => return self.fault(),
        }
        Ok(())
    }

    /// A number, as it stands there.
    pub(crate) fn number(&mut self) -> Result<&'a [u8], Syntax> {
        self.peek();
        let from = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    /// A number; none where it is not a whole one of 64 bits that is written as one.
    pub(crate) fn integer(&mut self) -> Result<Option<i64>, Syntax> {
        self.peek();
        let rest = self.rest();
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let (mut value, mut digits) = (0, 0);
        // So many always fit.
        for digit in rest.iter().take(18).take_while(is_digit) {
            value = value * 10 + i64::from(digit - b'0');
            digits += 1;
        }
        let goes_on = matches!(rest.get(digits), Some(b'0'..=b'9' | b'.' | b'e' | b'E'));
        let has_zeros = digits > 1 && rest.first() == Some(&b'0');
        if digits > 0 && !goes_on && !has_zeros {
            self.at += digits;
            return Ok(Some(value));
        }
        Ok(std::str::from_utf8(self.number()?)
            .ok()
            .and_then(|raw| raw.parse().ok()))
    }

    fn digits(&mut self) -> Result<(), Syntax> {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == from {
            self.fault()
        } else {
            Ok(())
        }
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Syntax> {
        if self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word))
        {
            self.at += word.len();
            Ok(())
        } else {
            self.fault()
        }
    }

    /// Any value, as it stands there.
    pub(crate) fn value(&mut self) -> Result<&'a [u8], Syntax> {
        self.peek();
        let from = self.at;
        self.skip()?;
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    fn skip(&mut self) -> Result<(), Syntax> {
        // One bit for each level that the open one is in: whether it is an object.
        let mut objects = [0_u64; DEPTH_MAX / 64];
        let mut depth = 0;
        let mut in_object = false;
        loop {
            let first = self.peek();
            if let b'{' | b'[' = first {
                self.at += 1;
                let is_object = first == b'{';
                if !self.pass(if is_object { b'}' } else { b']' }) {
                    if depth == DEPTH_MAX {
                        return self.fault();
                    }
                    if let Some(word) = objects.get_mut(depth / 64) {
                        let bit = 1 << (depth % 64);
                        *word = if in_object { *word | bit } else { *word & !bit };
                    }
                    depth += 1;
                    in_object = is_object;
                    if is_object {
                        self.pass_key()?;
                    }
                    continue;
                }
            } else {
                self.scalar(first)?;
            }
            // A value has ended, and with it perhaps what it was in.
            loop {
                if depth == 0 {
                    return Ok(());
                }
                if self.pass(b',') {
                    if in_object {
                        self.pass_key()?;
                    }
                    break;
                }
                self.expect(if in_object { b'}' } else { b']' })?;
                depth -= 1;
                let word = objects.get(depth / 64).copied().unwrap_or_default();
                in_object = word & (1 << (depth % 64)) != 0;
            }
        }
    }

    #[inline(always)]
    fn pass_key(&mut self) -> Result<(), Syntax> {
        self.pass_string()?;
        self.expect(b':')
    }

    #[inline(always)]
    fn pass_string(&mut self) -> Result<bool, Syntax> {
        self.expect(b'"')?;
        self.pass_text()
    }

    /// `first`: the byte that comes next.
    #[inline(always)]
    fn scalar(&mut self, first: u8) -> Result<(), Syntax> {
        match first {
            b'"' => self.pass_string().map(drop),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number().map(drop),
        }
    }
}

/// Up to eight bytes as a word, the first lowest.
fn word_of(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().take(8).zip(0_u32..);
    bytes.fold(0, |word, (byte, at)| word | u64::from(*byte) << (8 * at))
}

/// Appends what an escaped string stands for. False, and nothing appended, where that is no text: half a surrogate pair.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> bool {
    let from = out.len();
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let (plain, escape) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((char, length)) = escaped_char(escape) else {
            out.truncate(from);
            return false;
        };
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    true
}

/// The character of the escape that `text` begins with, and its length there.
fn escaped_char(text: &[u8]) -> Option<(char, usize)> {
    let plain = |char| Some((char, 2));
    match text.get(1)? {
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        b'n' => plain('\n'),
        b'r' => plain('\r'),
        b't' => plain('\t'),
        b'u' => {
            let high = code_unit(text)?;
            if let Some(char) = char::from_u32(high) {
                return Some((char, 6));
            }
            let low = code_unit(text.get(6..)?)?;
            if !(0xD800..0xDC00).contains(&high) || !(0xDC00..0xE000).contains(&low) {
                return None;
            }
            let char = char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))?;
            Some((char, 12))
        }
        other => plain(char::from(*other)),
    }
}

fn code_unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepts(text: &str) -> bool {
        let mut cursor = Cursor::new(text.as_bytes());
        cursor.value().is_ok() && cursor.end().is_ok()
    }

    #[test]
    fn what_is_json_is_told_from_what_is_not() {
        for good in [
            "{}",
            "[]",
            "null",
            " [1, -2.5e+7 ,\"a\\u00e9\\n\"] ",
            r#"{"a":{"b":[{},[]]},"c":true}"#,
            "0",
            "-0.0",
        ] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "",
            "{",
            "[1,]",
            "[1 2]",
            r#"{"a"}"#,
            r#"{"a":1,}"#,
            "01",
            "1.",
            "-",
            "tru",
            "[}",
            r#"{"a":1]"#,
            "\"a",
            "\"\n\"",
            r#""\x""#,
            r#""\u12g4""#,
            "1 1",
            "\0",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(accepts(&nested(DEPTH_MAX)));
        assert!(!accepts(&nested(DEPTH_MAX + 2)));
    }

    #[test]
    fn escapes_stand_for_what_json_says() {
        let check = |raw: &str, expect: Option<&str>| {
            let mut out = b"before".to_vec();
            let is_text = unescape(raw.as_bytes(), &mut out);
            let expect_out = format!("before{}", expect.unwrap_or_default());
            assert_eq!(
                (is_text, out.as_slice()),
                (expect.is_some(), expect_out.as_bytes()),
                "{raw}"
            );
        };
        check(r#"a\"\\\/\b\f\n\r\tb"#, Some("a\"\\/\u{8}\u{c}\n\r\tb"));
        check(r"\u00e9\ud83d\ude00", Some("é😀"));
        check(r"a\ud83d", None);
        check(r"\ud83d\u0041", None);
        check(r"\ude00", None);
    }

    proptest! {
        #[test]
        fn serde_json_says_the_same_of_any_text(text in r#"[\[\]{}",:0-9eE.\-+a-z\\u \t]{0,24}"#) {
            prop_assert_eq!(accepts(&text), serde_json::from_str::<Box<serde_json::value::RawValue>>(&text).is_ok());
        }

        #[test]
        fn any_string_is_read_as_it_was_written(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let mut cursor = Cursor::new(json.as_bytes());
            let read = cursor.string().unwrap();
            cursor.end().unwrap();
            let mut out = Vec::new();
            prop_assert!(unescape(read.raw, &mut out));
            prop_assert_eq!(out, text.into_bytes());
        }
    }
}
