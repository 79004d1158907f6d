//! `resources[]`: the objects of an action.

use crate::json::Writer;
use crate::record::identity::User;
use std::borrow::Cow;

/// Resources in one event. Mailbox records list up to a few thousand items; all of them stay in `unmapped`.
pub(crate) const RESOURCES_MAX: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Role {
    #[default]
    Target = 1,
    Affected = 3,
    Related = 4,
}

/// An entry of `resources`, or the `resource` of a class that has one.
#[derive(Debug, Default)]
pub(crate) struct Resource<'a> {
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) uid: Option<Cow<'a, str>>,
    pub(crate) kind: Cow<'a, str>,
    pub(crate) owner: Option<User<'a>>,
    pub(crate) role: Role,
}

impl<'a> Resource<'a> {
    pub(crate) fn target(
        kind: impl Into<Cow<'a, str>>,
        name: Option<Cow<'a, str>>,
        uid: Option<Cow<'a, str>>,
    ) -> Self {
        Self {
            name,
            uid,
            kind: kind.into(),
            ..Self::default()
        }
    }

    /// Whether it has a name or a uid, one of which the schema requires.
    pub(crate) fn is_named(&self) -> bool {
        self.name.is_some() || self.uid.is_some()
    }

    /// Writes the attributes, and `data` with `fill`. Writes nothing for a resource without name and uid.
    pub(crate) fn write(&self, w: &mut Writer, fill: impl FnOnce(&mut Writer)) {
        if !self.is_named() {
            return;
        }
        w.text_opt("name", self.name.as_ref());
        w.text_opt("uid", self.uid.as_ref());
        w.text("type", &self.kind);
        w.object("owner", |w| {
            self.owner.iter().for_each(|owner| owner.write(w));
        });
        w.object("data", fill);
        w.int("role_id", self.role as i64);
        w.text(
            "role",
            match self.role {
                Role::Target => "Target",
                Role::Affected => "Affected",
                Role::Related => "Related",
            },
        );
    }
}
