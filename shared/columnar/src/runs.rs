//! Small numbers as Parquet's hybrid of run lengths and bit packing: levels, and places in a dictionary.

/// Numbers that are packed together: as many bytes as each has bits.
const GROUP: usize = 8;

/// Groups behind one header, at most: more would need a longer header, which other writers avoid.
const GROUPS_MAX: usize = 63;

/// Bits of the largest number that can be packed.
pub(crate) const WIDTH_MAX: u8 = 16;

/// Bits that `max` and every number below it fit into.
pub(crate) fn width(max: u16) -> u8 {
    (u16::BITS - max.leading_zeros()) as u8
}

/// Appends numbers of `width` bits, at most [`WIDTH_MAX`].
pub(crate) fn write<T: Copy + Eq + Into<u64>>(numbers: &[T], width: u8, out: &mut Vec<u8>) {
    let mut rest = numbers;
    while let Some(first) = rest.first() {
        let run = run_length(rest);
        // What is left is at most one group: then it is shorter as a run, too, if it is one.
        if run >= GROUP || run == rest.len() {
            write_run(*first, run, width, out);
            rest = rest.get(run..).unwrap_or_default();
        } else {
            let is_mixed = |group: &&[T]| group.len() < GROUP || !is_one_number(group);
            let mixed = rest.chunks(GROUP).take(GROUPS_MAX).take_while(is_mixed);
            let groups = mixed.count();
            write_header((groups as u64) << 1 | 1, out);
            let (packed, behind) = rest.split_at(rest.len().min(groups * GROUP));
            pack(packed, width, out);
            rest = behind;
        }
    }
}

/// Appends a number of `width` bits that comes so often.
pub(crate) fn write_run<T: Into<u64>>(number: T, times: usize, width: u8, out: &mut Vec<u8>) {
    write_header((times as u64) << 1, out);
    let bytes: [u8; 8] = number.into().to_le_bytes();
    out.extend_from_slice(
        bytes
            .get(..usize::from(width.div_ceil(8)))
            .unwrap_or_default(),
    );
}

/// Appends numbers of `width` bits one after the other, and bits of 0 up to a whole group.
pub(crate) fn pack<T: Copy + Into<u64>>(numbers: &[T], width: u8, out: &mut Vec<u8>) {
    let width = u32::from(width.min(WIDTH_MAX));
    let half = |numbers: &[T]| {
        let placed = numbers.iter().zip(0_u32..);
        placed.fold(0, |word, (number, at)| {
            word | (*number).into() << (at * width)
        })
    };
    for group in numbers.chunks(GROUP) {
        let (low, high) = group.split_at(group.len().min(GROUP / 2));
        let bits = u128::from(half(low)) | u128::from(half(high)) << (GROUP as u32 / 2 * width);
        out.extend_from_slice(bits.to_le_bytes().get(..width as usize).unwrap_or_default());
    }
}

/// How often the first number stands at the beginning.
fn run_length<T: Copy + Eq>(numbers: &[T]) -> usize {
    let Some(first) = numbers.first() else {
        return 0;
    };
    let is_first = |number: &&T| **number == *first;
    // Many at a time where it goes on and on.
    let chunks = numbers.chunks_exact(4 * GROUP);
    let whole = chunks.take_while(|chunk| chunk.first() == Some(first) && is_one_number(chunk));
    let whole = whole.count() * 4 * GROUP;
    let rest = numbers.get(whole..).unwrap_or_default();
    whole + rest.iter().take_while(is_first).count()
}

fn is_one_number<T: Copy + Eq>(numbers: &[T]) -> bool {
    // Without a way out in the middle it is done with wide instructions.
    numbers.first().is_none_or(|first| {
        numbers
            .iter()
            .fold(true, |same, number| same & (number == first))
    })
}

fn write_header(mut header: u64, out: &mut Vec<u8>) {
    while header >= 0x80 {
        out.push(header as u8 | 0x80);
        header >>= 7;
    }
    out.push(header as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the format's specification has it.
    fn read(bytes: &[u8], width: u8, count: usize) -> Vec<u16> {
        let (mut at, mut numbers) = (0, Vec::new());
        while numbers.len() < count {
            let (mut header, mut shift) = (0_u64, 0);
            loop {
                header |= u64::from(bytes[at] & 0x7f) << shift;
                shift += 7;
                at += 1;
                if bytes[at - 1] < 0x80 {
                    break;
                }
            }
            let length = (header >> 1) as usize;
            if header & 1 == 0 {
                let bytes_each = usize::from(width.div_ceil(8));
                let mut number = [0; 2];
                number[..bytes_each].copy_from_slice(&bytes[at..at + bytes_each]);
                at += bytes_each;
                numbers.extend(std::iter::repeat_n(u16::from_le_bytes(number), length));
            } else {
                for place in 0..length * GROUP {
                    let bits = (0..usize::from(width)).map(|bit| {
                        let bit_at = place * usize::from(width) + bit;
                        u16::from(bytes[at + bit_at / 8] >> (bit_at % 8) & 1) << bit
                    });
                    numbers.push(bits.sum());
                }
                at += length * usize::from(width);
            }
        }
        assert_eq!(at, bytes.len());
        assert!(numbers.len() < count + GROUP);
        numbers.truncate(count);
        numbers
    }

    fn check(numbers: &[u16], bytes: &[u8]) {
        let width = width(numbers.iter().max().copied().unwrap_or(0));
        let mut out = Vec::new();
        write(numbers, width, &mut out);
        assert_eq!(out, bytes);
        assert_eq!(read(&out, width, numbers.len()), numbers);
    }

    #[test]
    fn runs_and_groups_are_those_of_the_specification() {
        check(&[], &[]);
        check(&[0; 300], &[0xd8, 0x04]);
        check(&[1; 8], &[0x10, 1]);
        check(&[0, 1, 2, 3, 4, 5, 6, 7], &[0x03, 0x88, 0xc6, 0xfa]);
        check(&[1, 0, 1], &[0x03, 0b101]);
        check(&[256, 256], &[0x04, 0x00, 0x01]);
    }

    #[test]
    fn a_run_behind_a_group_begins_at_the_groups_end() {
        let numbers = [[1, 0, 0, 0, 0, 0, 0, 0].as_slice(), &[0; 20]].concat();
        check(&numbers, &[0x03, 1, 0x28, 0]);
    }

    proptest! {
        #[test]
        fn any_numbers_are_read_as_they_were_written(
            runs in prop::collection::vec((0_u16.., prop_oneof![Just(1), 1..20_usize, 1..700_usize]), 0..60),
            bits in 0_u32..=16,
        ) {
            let numbers: Vec<u16> = runs
                .iter()
                .flat_map(|(number, count)| std::iter::repeat_n((u32::from(*number) & ((1 << bits) - 1)) as u16, *count))
                .collect();
            let width = bits as u8;
            let mut out = Vec::new();
            write(&numbers, width, &mut out);
            prop_assert_eq!(read(&out, width, numbers.len()), numbers);
        }
    }
}
