//! Those of this process that want something of one log at the same time. Whoever has its turn appends for those that wait as
//! well, in one entry: ten blobs then take one round trip and not ten.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Most wishes of one entry. Each of a blob's claims takes 20 bytes of it beside its Ids.
pub(in crate::store) const GROUP_MAX: usize = 100;

/// The wishes of those who wait for their turn at a log. Nothing is appended for who gives up waiting.
#[derive(Debug)]
pub(super) struct Waiting<W>(Mutex<Vec<Weak<W>>>);

impl<W> Default for Waiting<W> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<W> Waiting<W> {
    /// Has others append what is wished for, if they have their turn before it.
    pub(super) fn join(&self, wish: &Arc<W>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Arc::downgrade(wish));
    }

    /// The wishes to be appended together: `own` first, and of those that wait as many as go with it. They wait on for the
    /// answer, and append by themselves what they then miss.
    pub(super) fn take(&self, own: &Arc<W>) -> Vec<Arc<W>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|wish| !std::ptr::eq(wish.as_ptr(), Arc::as_ptr(own)));
        let taken = waiting.len().min(GROUP_MAX - 1);
        let others = waiting.drain(..taken).filter_map(|wish| wish.upgrade());
        std::iter::once(Arc::clone(own)).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_its_turn_takes_along_those_that_still_wait() {
        let waiting = Waiting::default();
        let [one, two, three] = [1, 2, 3].map(Arc::new);
        for wish in [&one, &two, &three] {
            waiting.join(wish);
        }
        drop(one);
        let names = |group: Vec<Arc<i32>>| -> Vec<i32> { group.iter().map(|of| **of).collect() };
        assert_eq!(names(waiting.take(&three)), [3, 2]);
        assert_eq!(names(waiting.take(&two)), [2]);
    }
}
