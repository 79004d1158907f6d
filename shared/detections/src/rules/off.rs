//! Rules that are off, because no file tells of places what they need.

use super::about::About;
use super::set::Rules;
use crate::places::{Places, PlacesKind};

/// A rule that is off.
#[derive(Clone, Copy, Debug)]
pub struct Off<'r> {
    /// The rule.
    pub rule: &'r About,
    /// What no file tells.
    pub lacks: PlacesKind,
}

impl Rules {
    /// The rules that can find nothing because `places` do not tell what they need. A rule that only can find less is none.
    #[must_use]
    pub fn off_without<'r>(&'r self, places: &Places) -> Vec<Off<'r>> {
        let off = |rule: &'r About| {
            let mut needs = rule.needs.iter().copied();
            let lacks = needs.find(|need| !places.tell(*need))?;
            Some(Off { rule, lacks })
        };
        self.about().filter_map(off).collect()
    }
}
