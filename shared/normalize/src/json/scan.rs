//! Finding the end of the plain part of a string, sixteen bytes at a time.

use wide::u8x16;

/// Bytes looked at together: what a vector register of every processor holds.
const WIDTH: usize = 16;

/// The number of leading bytes that need no escape in a JSON string: up to the first `"`, `\` or control byte.
#[inline]
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    let (chunks, rest) = bytes.as_chunks::<WIDTH>();
    for (index, chunk) in chunks.iter().enumerate() {
        let special = specials(*chunk);
        if special != 0 {
            return index * WIDTH + special.trailing_zeros() as usize;
        }
    }
    // What is left, filled up with bytes that are plain.
    let mut padded = [b' '; WIDTH];
    padded[..rest.len()].copy_from_slice(rest);
    let plain = specials(padded).trailing_zeros() as usize;
    bytes.len() - rest.len() + plain.min(rest.len())
}

/// A bit for each byte that is `"`, `\` or below 0x20.
#[inline]
fn specials(bytes: [u8; WIDTH]) -> u32 {
    let bytes = u8x16::from(bytes);
    let control = u8x16::splat(0x1f);
    let found = bytes.simd_eq(u8x16::splat(b'"'))
        | bytes.simd_eq(u8x16::splat(b'\\'))
        | bytes.min(control).simd_eq(bytes);
    found.to_bitmask()
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
