//! The types of [`super::table`]: what versions of OCSF before 1.8.0 lack and require.

use crate::version::OcsfVersion::{self, V1_1};

/// A class or an object type, with those of its attributes that differ between versions or have attributes of their
/// own.
///
/// An attribute that is not listed has been the same since 1.1.0: a scalar or a list of scalars that needs no profile
/// which the event does not have already.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) attributes: &'static [Attribute],
    pub(super) constraints: &'static [Constraint],
}

/// An attribute, and how it differs in older versions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) since: OcsfVersion,
    pub(super) kind: AttributeKind,
    /// Enum values that were added later than the attribute.
    pub(super) values: &'static [(i64, OcsfVersion)],
    pub(super) required: Option<Span>,
    profile: Option<(&'static str, Span)>,
}

/// The type of an attribute's value, as far as versions treat it differently.
#[derive(Debug, Clone, Copy)]
pub(super) enum AttributeKind {
    Scalar,
    /// An email address: 1.1.0 allows fewer characters.
    Email,
    /// A host name: validated up to 1.3.0.
    Host,
    /// A hash: at most 64 characters up to 1.3.0, hexadecimal from 1.4.0 to 1.7.0.
    Hash,
    /// Any value: json_t, or the object type without attributes.
    Free,
    Object(&'static Object),
}

/// A range of versions: from one version, and before another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from: OcsfVersion,
    before: Option<OcsfVersion>,
}

/// How many of some attributes must be present.
#[derive(Debug, Clone, Copy)]
pub(super) struct Constraint {
    names: &'static [&'static str],
    just_one: bool,
    versions: Span,
}

const ALWAYS: Span = Span {
    from: V1_1,
    before: None,
};

impl Span {
    pub(super) fn holds(self, version: OcsfVersion) -> bool {
        self.from <= version && self.before.is_none_or(|before| version < before)
    }
}

impl Object {
    /// The index of an attribute in the list.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        // Lists are short, and most names differ in length, so this is faster than a binary search.
        self.attributes
            .iter()
            .position(|attribute| attribute.name == name)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.get(self.position(name)?)
    }
}

impl Constraint {
    pub(super) fn applies(&self, version: OcsfVersion) -> bool {
        self.versions.holds(version)
    }

    /// Whether the number of attributes present satisfies the constraint.
    pub(super) fn takes(&self, of: &Object, has: impl Fn(usize) -> bool) -> bool {
        let there = |name: &&&str| of.position(name).is_some_and(&has);
        let mut present = self.names.iter().filter(there);
        present.next().is_some() && (!self.just_one || present.next().is_none())
    }

    pub(super) const fn since(mut self, version: OcsfVersion) -> Self {
        self.versions.from = version;
        self
    }

    pub(super) const fn before(mut self, version: OcsfVersion) -> Self {
        self.versions.before = Some(version);
        self
    }
}

pub(super) const fn at_least_one(names: &'static [&'static str]) -> Constraint {
    Constraint {
        names,
        just_one: false,
        versions: ALWAYS,
    }
}

pub(super) const fn just_one(names: &'static [&'static str]) -> Constraint {
    Constraint {
        just_one: true,
        ..at_least_one(names)
    }
}

/// An attribute with nothing special; the builder methods below add to it.
pub(super) const fn at(name: &'static str) -> Attribute {
    Attribute {
        name,
        since: V1_1,
        kind: AttributeKind::Scalar,
        values: &[],
        required: None,
        profile: None,
    }
}

impl Attribute {
    /// The profile that a version requires for the attribute.
    pub(super) fn profile(&self, version: OcsfVersion) -> Option<&'static str> {
        let (name, span) = self.profile?;
        span.holds(version).then_some(name)
    }

    pub(super) fn is_required(&self, version: OcsfVersion) -> bool {
        self.required.is_some_and(|span| span.holds(version))
    }

    /// Whether the version has this value of the enum.
    pub(super) fn knows(&self, value: i64, version: OcsfVersion) -> bool {
        self.values
            .iter()
            .all(|(later, since)| *later != value || *since <= version)
    }

    pub(super) const fn since(mut self, version: OcsfVersion) -> Self {
        self.since = version;
        self
    }

    pub(super) const fn email(mut self) -> Self {
        self.kind = AttributeKind::Email;
        self
    }

    pub(super) const fn host(mut self) -> Self {
        self.kind = AttributeKind::Host;
        self
    }

    pub(super) const fn hash(mut self) -> Self {
        self.kind = AttributeKind::Hash;
        self
    }

    pub(super) const fn free(mut self) -> Self {
        self.kind = AttributeKind::Free;
        self
    }

    pub(super) const fn object(mut self, object: &'static Object) -> Self {
        self.kind = AttributeKind::Object(object);
        self
    }

    pub(super) const fn values(mut self, later: &'static [(i64, OcsfVersion)]) -> Self {
        self.values = later;
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = Some(ALWAYS);
        self
    }

    pub(super) const fn required_before(mut self, version: OcsfVersion) -> Self {
        self.required = Some(Span {
            from: V1_1,
            before: Some(version),
        });
        self
    }

    pub(super) const fn needs(mut self, profile: &'static str) -> Self {
        self.profile = Some((profile, ALWAYS));
        self
    }

    pub(super) const fn needs_before(
        mut self,
        profile: &'static str,
        version: OcsfVersion,
    ) -> Self {
        self.profile = Some((
            profile,
            Span {
                from: V1_1,
                before: Some(version),
            },
        ));
        self
    }
}
