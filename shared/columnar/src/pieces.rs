//! A sequence that grows piece by piece, so that growing copies nothing, and what one file frees is of a size for the next.

/// Size of a piece, in bytes: below what allocators ask the system for each time.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// Pieces, of which the last is open.
#[derive(Debug, Default)]
pub(crate) struct Pieces<T> {
    full: Vec<Vec<T>>,
    /// Elements of all that are full.
    full_length: usize,
    /// The first one grows as it must: many sequences stay small.
    pub(crate) open: Vec<T>,
}

/// Where the sequence ends: pieces that are full, and elements of the open one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) full: usize,
    pub(crate) open: usize,
}

impl<T> Pieces<T> {
    const CAPACITY: usize = PIECE_BYTES / size_of::<T>();

    /// Sees to it that so many elements more will lie in one piece, together.
    pub(crate) fn make_room(&mut self, count: usize) {
        if self.open.len() + count > Self::CAPACITY && !self.open.is_empty() {
            let next = Vec::with_capacity(count.max(Self::CAPACITY));
            self.full_length += self.open.len();
            self.full.push(std::mem::replace(&mut self.open, next));
        }
    }

    pub(crate) fn end(&self) -> End {
        End {
            full: self.full.len(),
            open: self.open.len(),
        }
    }

    /// Takes back what came after the end it had.
    pub(crate) fn truncate(&mut self, end: End) {
        while self.full.len() > end.full {
            self.open = self.full.pop().unwrap_or_default();
            self.full_length -= self.open.len();
        }
        self.open.truncate(end.open);
    }

    /// All elements.
    pub(crate) fn length(&self) -> usize {
        self.full_length + self.open.len()
    }

    #[inline]
    pub(crate) fn piece(&self, at: usize) -> &[T] {
        match self.full.get(at) {
            Some(piece) => piece,
            None if at == self.full.len() => &self.open,
            None => &[],
        }
    }

    /// All pieces, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[T]> {
        self.full.iter().chain([&self.open]).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_full_one_after_the_other_and_taken_back() {
        let mut pieces = Pieces::<u64>::default();
        let capacity = Pieces::<u64>::CAPACITY;
        let put = |pieces: &mut Pieces<u64>, count: usize| {
            pieces.make_room(count);
            pieces.open.extend(std::iter::repeat_n(count as u64, count));
            pieces.end()
        };
        let first = put(&mut pieces, 10);
        assert_eq!((first.full, first.open), (0, 10));
        let second = put(&mut pieces, capacity - 9);
        assert_eq!((second.full, second.open), (1, capacity - 9));
        put(&mut pieces, 3 * capacity);
        let last = put(&mut pieces, 1);
        assert_eq!((last.full, last.open), (3, 1));
        assert_eq!(pieces.length(), 10 + (capacity - 9) + 3 * capacity + 1);
        assert_eq!(pieces.pieces().flatten().count(), pieces.length());
        assert_eq!(pieces.piece(2).len(), 3 * capacity);
        assert_eq!(
            (pieces.piece(3), pieces.piece(4)),
            ([1].as_slice(), [].as_slice())
        );
        pieces.truncate(first);
        assert_eq!((pieces.end(), pieces.length()), (first, 10));
    }
}
