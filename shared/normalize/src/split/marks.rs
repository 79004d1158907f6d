//! The brackets and commas of a text that are in no string, found sixty-four bytes at a time.
//!
//! The method is that of Langdale and Lemire, "Parsing Gigabytes of JSON per Second" (2019), without its instructions for one kind
//! of processor: a bit for each byte of a block, and the strings as what lies between quotes.

use wide::u8x16;

/// Bytes looked at together: as many as a word has bits.
const BLOCK: usize = 64;

/// Bytes in a vector register.
const WIDTH: usize = 16;

/// An iterator over the places of `{`, `}`, `[`, `]` and `,` outside strings. In a string a backslash takes away the meaning of
/// what follows it; outside it is a byte as others are. The text may be anything.
pub(super) struct Marks<'a> {
    text: &'a [u8],
    /// Where the block after the current one begins.
    next: usize,
    /// What is left of the current block.
    marks: u64,
    /// The current block ends inside a string: all bits, or none.
    string: u64,
    /// It ends with a backslash that takes the meaning of the next byte.
    escape: bool,
}

impl<'a> Marks<'a> {
    /// Of the text from `from` on, where no string is open.
    pub(super) fn new(text: &'a [u8], from: usize) -> Self {
        Self {
            text,
            next: from,
            marks: 0,
            string: 0,
            escape: false,
        }
    }

    fn load(&mut self) -> Option<()> {
        let rest = self.text.get(self.next..).filter(|rest| !rest.is_empty())?;
        self.next += BLOCK;
        self.marks = match rest.first_chunk() {
            Some(block) => self.block(block),
            None => {
                let mut padded = [b' '; BLOCK];
                padded[..rest.len()].copy_from_slice(rest);
                self.block(&padded)
            }
        };
        Some(())
    }

    fn block(&mut self, block: &[u8; BLOCK]) -> u64 {
        let [quotes, mut backslashes, marks] = kinds(block);
        let (strings, escape) = loop {
            let (escaped, escape) = escaped(backslashes, self.escape);
            let strings = running_xor(quotes & !escaped) ^ self.string;
            // A backslash outside a string has no say: up to the first such, everything is right.
            let stray = backslashes & !strings;
            if stray == 0 {
                break (strings, escape);
            }
            backslashes &= !(stray & stray.wrapping_neg());
        };
        self.escape = escape;
        self.string = if strings >> (BLOCK - 1) == 0 {
            0
        } else {
            u64::MAX
        };
        marks & !strings
    }
}

impl Iterator for Marks<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.marks == 0 {
            self.load()?;
        }
        let at = self.next - BLOCK + self.marks.trailing_zeros() as usize;
        self.marks &= self.marks - 1;
        Some(at)
    }
}

/// A bit for each byte of the block that is a quote, a backslash, a bracket or comma.
fn kinds(block: &[u8; BLOCK]) -> [u64; 3] {
    let mut bits = [0; 3];
    let (parts, _) = block.as_chunks::<WIDTH>();
    for (index, part) in parts.iter().enumerate() {
        let bytes = u8x16::from(*part);
        let is = |bytes: u8x16, byte: u8| bytes.simd_eq(u8x16::splat(byte));
        // The bit between square and curly brackets is that between upper and lower case.
        let curly = bytes | u8x16::splat(0x20);
        let found = [
            is(bytes, b'"'),
            is(bytes, b'\\'),
            is(curly, b'{') | is(curly, b'}') | is(bytes, b','),
        ];
        for (bits, found) in bits.iter_mut().zip(found) {
            *bits |= u64::from(found.to_bitmask()) << (index * WIDTH);
        }
    }
    bits
}

/// The bytes after backslashes that are not such a byte themselves, and whether the next block's first is one. `carry` says that
/// this block's first is.
fn escaped(backslashes: u64, carry: bool) -> (u64, bool) {
    let mut escaped = u64::from(carry);
    let mut left = backslashes & !escaped;
    while left != 0 {
        let backslash = left & left.wrapping_neg();
        let next = backslash << 1;
        if next == 0 {
            return (escaped, true);
        }
        escaped |= next;
        left &= !(backslash | next);
    }
    (escaped, false)
}

/// Each bit the exclusive or of itself and all below it.
fn running_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same, byte by byte.
    fn plainly(text: &[u8]) -> Vec<usize> {
        let (mut found, mut string, mut escape) = (Vec::new(), false, false);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                _ if escape => escape = false,
                b'\\' if string => escape = true,
                b'"' => string = !string,
                b'{' | b'}' | b'[' | b']' | b',' if !string => found.push(at),
                _ => {}
            }
        }
        found
    }

    #[track_caller]
    fn check(text: &[u8]) {
        for from in 0..text.len().min(3) {
            let expect: Vec<usize> = plainly(&text[from..]).iter().map(|at| at + from).collect();
            assert_eq!(Marks::new(text, from).collect::<Vec<_>>(), expect);
        }
    }

    #[test]
    fn strings_and_escapes_reach_over_the_ends_of_blocks() {
        for before in 0..2 * BLOCK {
            for text in [r#"{"a\\":[1,"\"}],"]}"#, r#"\"{,"\\"[\\"]"#, r#""\\\"{",}"#] {
                check(format!("{}{text}", " ".repeat(before)).as_bytes());
                check(format!("\"{}{text}", "\\".repeat(before)).as_bytes());
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_marked_as_byte_by_byte(text in r#"["\\{}\[\], a]{0,200}"#) {
            check(text.as_bytes());
        }
    }
}
