//! Records that are parsed together and turned into events one at a time.

use crate::engine::{self, Context};
use crate::json::{self, Doc, Node};
use crate::outcome::Outcome;
use crate::record::{Identity, Malformed};
use std::cell::Cell;

/// Parsed records. Each record is parsed once: its identity can be checked before its event is made. The nodes take
/// about twice the memory of the text, in one allocation.
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
    /// The event has been made before, which left marks on the record's nodes.
    written: Cell<bool>,
}

impl<'r> Batch<'r> {
    /// Parses a record and returns its identity. Records that can be read are numbered from 0.
    ///
    /// # Errors
    /// The same as [`fn@crate::identify`]. A record that cannot be read gets no number.
    pub fn read(&mut self, record: &'r [u8]) -> Result<Identity<'r>, Malformed> {
        let before = self.nodes.len();
        // Nodes refer to each other by 32-bit indexes.
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

    /// The number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The same as [`fn@crate::event`], for the record with this number. `None` when there is no such record.
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

    /// Removes all records and reserves memory for records of `bytes` bytes: growing later would copy the nodes read so
    /// far.
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
    fn a_batch_gives_the_same_events_as_single_records() {
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
                // An event can be made any number of times.
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
