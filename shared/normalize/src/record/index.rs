//! Finds a record's members by name without a linear search.
//!
//! A record has 20 to 40 members, and the rules make about 60 lookups, most of them for members that are not there.

use crate::json::{Value, hash};

const SLOTS: usize = 128;

/// Objects with more members are searched linearly: the table would be too full.
const INDEXED_MAX: usize = 80;

/// An open hash table of the positions of an object's members.
#[derive(Debug)]
pub(crate) struct Index {
    /// Position of a member. 0 is an empty slot: only the object itself is at 0.
    slots: [u32; SLOTS],
    whole: bool,
}

impl Index {
    pub(crate) fn new(object: Value<'_>) -> Self {
        let mut index = Self {
            slots: [0; SLOTS],
            whole: true,
        };
        for (count, member) in object.children().enumerate() {
            if count == INDEXED_MAX || member.key().escaped {
                index.whole = false;
                break;
            }
            let mut slot = slot(member.key().raw);
            while index.slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            index.slots[slot] = member.position();
        }
        index
    }

    /// The member with this key. `slot` is its [`slot`], which mostly is computed at compile time.
    pub(crate) fn get<'a>(
        &self,
        object: Value<'a>,
        key: &str,
        mut slot: usize,
    ) -> Option<Value<'a>> {
        if !self.whole {
            return object.get(key);
        }
        while self.slots[slot] != 0 {
            let member = object.at(self.slots[slot]);
            if member.key().raw == key {
                return Some(member);
            }
            slot = (slot + 1) % SLOTS;
        }
        None
    }
}

/// The slot where the search for a key begins.
#[inline(always)]
pub(crate) fn slot(key: &str) -> usize {
    usize::from(hash(key)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn finds_the_same_as_a_linear_search() {
        for members in [0, 1, 30, INDEXED_MAX, INDEXED_MAX + 1, 500] {
            let text: Vec<String> = (0..members).map(|n| format!("\"key {n}\":{n}")).collect();
            let text = format!("{{{}}}", text.join(","));
            let doc = parse(text.as_bytes()).unwrap();
            let index = Index::new(doc.root());
            for n in 0..members + 5 {
                let key = format!("key {n}");
                let (found, expect) = (
                    index.get(doc.root(), &key, slot(&key)),
                    doc.root().get(&key),
                );
                assert_eq!(
                    found.and_then(Value::int),
                    expect.and_then(Value::int),
                    "{key} of {members}"
                );
            }
        }
    }

    #[test]
    fn finds_members_with_escaped_names() {
        let doc = parse(br#"{"a":1,"\u0062":2}"#).unwrap();
        let index = Index::new(doc.root());
        assert_eq!(
            index.get(doc.root(), "b", slot("b")).and_then(Value::int),
            Some(2)
        );
        assert_eq!(
            index.get(doc.root(), "a", slot("a")).and_then(Value::int),
            Some(1)
        );
    }
}
