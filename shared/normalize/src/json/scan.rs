//! Finding the end of the plain part of a string, eight bytes at a time.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// The number of leading bytes that need no escape in a JSON string: up to the first `"`, `\` or control byte.
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let special = special_bits(u64::from_le_bytes(*chunk));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if *byte < 0x20 || *byte == b'"' || *byte == b'\\' {
            break;
        }
        at += 1;
    }
    at
}

/// The high bit of each byte that is `"`, `\` or below 0x20. The lowest set bit is exact; a borrow may set wrong ones
/// above it ("Determine if a word has a byte less than n", Anderson's Bit Twiddling Hacks).
fn special_bits(word: u64) -> u64 {
    let quote = word ^ (LOW * b'"' as u64);
    let slash = word ^ (LOW * b'\\' as u64);
    let zero = |x: u64| x.wrapping_sub(LOW) & !x;
    let control = word.wrapping_sub(LOW * 0x20) & !word;
    (zero(quote) | zero(slash) | control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: usize) {
        assert_eq!(plain_len(input.as_bytes()), expect, "{input:?}");
    }

    #[test]
    fn stops_at_quote_backslash_and_control_bytes_wherever_they_are() {
        check("", 0);
        check("abc", 3);
        for at in 0..20 {
            for special in ['"', '\\', '\n', '\u{0}', '\u{1f}'] {
                check(&format!("{}{special}zzzzzzzzzzzz", "x".repeat(at)), at);
            }
        }
    }

    #[test]
    fn passes_over_every_other_byte() {
        check(
            "\u{7f} !#[]^é€😀 and so on, beyond eight bytes",
            "\u{7f} !#[]^é€😀 and so on, beyond eight bytes".len(),
        );
    }
}
