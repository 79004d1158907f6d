//! Records that are read together, and become events one by one.

use crate::engine;
use crate::engine::Context;
use crate::json::{self, Doc, Node};
use crate::outcome::Outcome;
use crate::record::{Identity, Malformed};
use std::cell::Cell;

/// Records that were read: who each is can be asked before its event is made, and none is read twice. They take about twice the
/// memory of their text, in one piece.
#[derive(Debug, Default)]
pub struct Batch<'r> {
    nodes: Vec<Node<'r>>,
    records: Vec<Read<'r>>,
}

#[derive(Debug)]
struct Read<'r> {
    text: &'r [u8],
    root: u32,
    lossy: bool,
    /// Its event was made before, which left marks on its nodes.
    written: Cell<bool>,
}

impl<'r> Batch<'r> {
    /// Reads a record and says who it is. Those that can be read have the numbers from 0 on.
    ///
    /// # Errors
    /// As for [`fn@crate::identify`]; such an element has no number.
    pub fn read(&mut self, record: &'r [u8]) -> Result<Identity<'r>, Malformed> {
        let before = self.nodes.len();
        // A place among nodes has 32 bits.
        let root = u32::try_from(before).map_err(|_| Malformed::TooLarge)?;
        let lossy = json::parse_into(record, &mut self.nodes)?;
        let doc = Doc::new(&self.nodes, root, lossy);
        if !doc.root().is_object() {
            self.nodes.truncate(before);
            return Err(Malformed::NotAnObject);
        }
        self.records.push(Read {
            text: record,
            root,
            lossy,
            written: Cell::new(false),
        });
        Ok(Identity::of(doc))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// There are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// As [`fn@crate::event`], of the record with this number; `None` when there is none.
    pub fn event(
        &self,
        number: usize,
        context: &Context<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Outcome<'r>> {
        let read = self.records.get(number)?;
        let doc = Doc::new(&self.nodes, read.root, read.lossy);
        if read.written.replace(true) {
            doc.forget_used();
        }
        Some(engine::write(read.text, doc, context, out))
    }

    /// Forgets all, and makes room for records of so many bytes: to grow is to copy what was read before.
    pub fn begin(&mut self, bytes: usize) {
        self.nodes.clear();
        self.records.clear();
        self.nodes.reserve(bytes / json::BYTES_PER_NODE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    #[test]
    fn each_record_becomes_what_it_becomes_alone() {
        let options = Options::default();
        let context = Context {
            content_type: None,
            content_created_ms: None,
            options: &options,
        };
        let records: [&[u8]; 5] = [
            br#"{"Id":"a","Operation":"Send","OrganizationId":"o"}"#,
            b"[1,2]",
            br#"{"Id":"b","Operation":"Add user.","X":[{"Y":1}],"X":2}"#,
            br#"{"Id":"c""#,
            br#"{"Id":"d","Operation":"New-Mailbox","Parameters":[{"Name":"Password","Value":"x"}]}"#,
        ];
        let mut batch = Batch::default();
        for _ in 0..2 {
            let good: Vec<_> = records
                .iter()
                .filter(|record| match batch.read(record) {
                    Ok(identity) => identity == crate::identify(record).unwrap(),
                    Err(malformed) => {
                        assert_eq!(crate::identify(record), Err(malformed));
                        false
                    }
                })
                .collect();
            assert_eq!((batch.len(), good.len()), (3, 3));
            for (number, record) in good.into_iter().enumerate() {
                let mut alone = Vec::new();
                let expect = crate::event(record, &context, &mut alone);
                // As often as one likes.
                for _ in 0..2 {
                    let mut out = Vec::new();
                    let outcome = batch.event(number, &context, &mut out);
                    assert_eq!(outcome.as_ref(), Some(&expect));
                    assert_eq!(out, alone);
                }
            }
            assert_eq!(batch.event(3, &context, &mut Vec::new()), None);
            batch.begin(100);
            assert!(batch.is_empty());
        }
    }
}
