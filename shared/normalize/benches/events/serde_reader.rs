//! A parser based on serde, to compare the crate's own with. It builds the same flat list of nodes, with strings
//! decoded and numbers rounded. It takes any `Deserializer`, so the bench can try another library by naming it.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// A value, its name if it is a member, and the index of the first node after it and everything in it.
pub(crate) struct Node<'a> {
    _key: Cow<'a, str>,
    _kind: Kind<'a>,
    end: usize,
}

#[expect(dead_code, reason = "what is in it is made to be measured")]
pub(crate) enum Kind<'a> {
    Null,
    Bool(bool),
    Whole(i64),
    Number(f64),
    Text(Cow<'a, str>),
    Container,
}

pub(crate) fn read<'a, D: Deserializer<'a>>(
    json: D,
    nodes: &mut Vec<Node<'a>>,
) -> Result<(), D::Error> {
    let key = Cow::Borrowed("");
    ReadValue { key, nodes }.deserialize(json)
}

struct ReadValue<'n, 'a> {
    key: Cow<'a, str>,
    nodes: &'n mut Vec<Node<'a>>,
}

impl<'a> ReadValue<'_, 'a> {
    fn push(self, kind: Kind<'a>) {
        let end = self.nodes.len() + 1;
        let (_key, _kind) = (self.key, kind);
        self.nodes.push(Node { _key, _kind, end });
    }
}

impl<'a> DeserializeSeed<'a> for ReadValue<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for ReadValue<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.push(Kind::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.push(Kind::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.push(Kind::Whole(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.push(Kind::Whole(value as i64));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.push(Kind::Number(value));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, value: &'a str) -> Result<(), E> {
        self.push(Kind::Text(Cow::Borrowed(value)));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.push(Kind::Text(Cow::Owned(value.to_owned())));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut elements: A) -> Result<(), A::Error> {
        let (at, nodes) = open(self);
        loop {
            let key = Cow::Borrowed("");
            let seed = ReadValue { key, nodes };
            if elements.next_element_seed(seed)?.is_none() {
                break;
            }
        }
        nodes[at].end = nodes.len();
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut members: A) -> Result<(), A::Error> {
        let (at, nodes) = open(self);
        while let Some(key) = members.next_key_seed(ReadKey)? {
            members.next_value_seed(ReadValue { key, nodes })?;
        }
        nodes[at].end = nodes.len();
        Ok(())
    }
}

fn open<'n, 'a>(value: ReadValue<'n, 'a>) -> (usize, &'n mut Vec<Node<'a>>) {
    let ReadValue { key, nodes } = value;
    let at = nodes.len();
    ReadValue { key, nodes }.push(Kind::Container);
    (at, nodes)
}

struct ReadKey;

impl<'a> DeserializeSeed<'a> for ReadKey {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for ReadKey {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'a str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}
