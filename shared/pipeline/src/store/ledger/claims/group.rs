//! Blobs of this process that claim in one log at the same time. Whoever has its turn claims for those that wait as well, in one
//! entry: ten blobs then take one round trip and not ten.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::id::{OwnerId, RecordId};

/// Most blobs of one entry. Each takes 20 bytes of it beside its Ids.
pub(super) const GROUP_BLOBS_MAX: usize = 100;

/// What a blob claims in a log. No Id is in it twice.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) owner: OwnerId,
    pub(super) ids: Vec<RecordId>,
}

/// The wishes of those who wait for their turn at a log. Who gives up waiting is not claimed for.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Vec<Weak<Wish>>>);

impl Waiting {
    /// Has others claim for this wish, if they have their turn before it.
    pub(super) fn join(&self, wish: &Arc<Wish>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Arc::downgrade(wish));
    }

    /// The wishes to be claimed together: `own` first, and of those that wait as many as go with it. They wait on for the
    /// answer, and claim by themselves what they then miss.
    pub(super) fn take(&self, own: &Arc<Wish>) -> Vec<Arc<Wish>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|wish| !std::ptr::eq(wish.as_ptr(), Arc::as_ptr(own)));
        let taken = waiting.len().min(GROUP_BLOBS_MAX - 1);
        let others = waiting.drain(..taken).filter_map(|wish| wish.upgrade());
        std::iter::once(Arc::clone(own)).chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_its_turn_takes_along_those_that_still_wait() {
        let wish = |name: &str| {
            Arc::new(Wish {
                owner: OwnerId::of(name),
                ids: Vec::new(),
            })
        };
        let waiting = Waiting::default();
        let [one, two, three] = ["1", "2", "3"].map(wish);
        for wish in [&one, &two, &three] {
            waiting.join(wish);
        }
        drop(one);
        let owners =
            |group: Vec<Arc<Wish>>| -> Vec<_> { group.iter().map(|wish| wish.owner).collect() };
        assert_eq!(owners(waiting.take(&three)), [three.owner, two.owner]);
        assert_eq!(owners(waiting.take(&two)), [two.owner]);
    }
}
