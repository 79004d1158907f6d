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
    if rest.is_empty() {
        return bytes.len();
    }
    // What is left, after bytes that are known to be plain, or before such that are put there.
    if let Some(last) = bytes.last_chunk::<WIDTH>() {
        let plain = specials(*last).trailing_zeros() as usize;
        return bytes.len() - WIDTH + plain.min(WIDTH);
    }
    let mut padded = [b' '; WIDTH];
    padded[..rest.len()].copy_from_slice(rest);
    let plain = specials(padded).trailing_zeros() as usize;
    plain.min(rest.len())
}

/// Appends the leading bytes that need no escape, and says how many: [`plain_len`], and copied as they are looked at. A copy of
/// sixteen bytes is two instructions, one of any other number a call.
#[inline]
pub(crate) fn copy_plain(bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let from = out.len();
    let (chunks, rest) = bytes.as_chunks::<WIDTH>();
    for (index, chunk) in chunks.iter().enumerate() {
        out.extend_from_slice(chunk);
        let special = specials(*chunk);
        if special != 0 {
            let plain = index * WIDTH + special.trailing_zeros() as usize;
            out.truncate(from + plain);
            return plain;
        }
    }
    if rest.is_empty() {
        return bytes.len();
    }
    let mut padded = [b' '; WIDTH];
    let (last, at) = match bytes.last_chunk::<WIDTH>() {
        Some(last) => (last, bytes.len() - WIDTH),
        None => {
            padded[..rest.len()].copy_from_slice(rest);
            (&padded, 0)
        }
    };
    // Over what of it was copied already.
    out.truncate(from + at);
    out.extend_from_slice(last);
    let plain = (at + specials(*last).trailing_zeros() as usize).min(bytes.len());
    out.truncate(from + plain);
    plain
}

/// Both are equal, told without a call where they are as long as most names.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len()
        && match a.len() {
            8..=16 => ends::<8>(a) == ends::<8>(b),
            17..=32 => ends::<16>(a) == ends::<16>(b),
            _ => a == b,
        }
}

/// The first and the last bytes.
#[inline]
fn ends<const N: usize>(text: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (text.first_chunk(), text.last_chunk())
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
        let mut out = b"before".to_vec();
        assert_eq!(copy_plain(input.as_bytes(), &mut out), expect, "{input:?}");
        assert_eq!(
            out,
            [b"before", &input.as_bytes()[..expect]].concat(),
            "{input:?}"
        );
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
    fn any_other_byte_makes_a_difference() {
        for length in 0..40 {
            let text = vec![b'x'; length];
            assert!(same(&text, &text.clone()) && !same(&text, &vec![b'x'; length + 1]));
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'y';
                assert!(!same(&text, &other), "{at} of {length}");
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
