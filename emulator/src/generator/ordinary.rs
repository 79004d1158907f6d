//! The ordinary mix: what people and services do all day, the odd forms of real records included, and nothing that looks like an attack.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::template::Template;
use crate::content_type::ContentType;
use crate::rng::SeededRng;

/// Lines of `{"weight": how often, "record": the template}`, one list per content type.
const FILES: [(ContentType, &str); 5] = [
    (
        ContentType::AzureActiveDirectory,
        include_str!("templates/azureactivedirectory.ndjson"),
    ),
    (
        ContentType::Exchange,
        include_str!("templates/exchange.ndjson"),
    ),
    (
        ContentType::SharePoint,
        include_str!("templates/sharepoint.ndjson"),
    ),
    (
        ContentType::General,
        include_str!("templates/general.ndjson"),
    ),
    (ContentType::Dlp, include_str!("templates/dlp.ndjson")),
];

/// The templates of one content type.
#[derive(Debug, Default)]
pub(super) struct Ordinary {
    templates: Vec<Template>,
    /// For each template its weight and those of all before it.
    sums: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    weight: u64,
    #[serde(borrow)]
    record: &'a RawValue,
}

impl Ordinary {
    /// The built-in templates of a content type.
    pub(super) fn of(content_type: ContentType) -> &'static Self {
        static READ: LazyLock<Vec<(ContentType, Ordinary)>> = LazyLock::new(|| {
            let read = FILES.iter().map(|(of, lines)| (*of, Ordinary::read(lines)));
            read.collect()
        });
        static NONE: Ordinary = Ordinary {
            templates: Vec::new(),
            sums: Vec::new(),
        };
        let of = READ.iter().find(|(of, _)| *of == content_type);
        of.map_or(&NONE, |(_, ordinary)| ordinary)
    }

    /// Lines that are none are left out; a test says that there are none.
    fn read(lines: &str) -> Self {
        let mut read = Self::default();
        let mut sum = 0;
        for line in lines.lines() {
            let Ok(line) = serde_json::from_str::<Line<'_>>(line) else {
                continue;
            };
            sum += line.weight;
            read.sums.push(sum);
            read.templates
                .push(Template::with_placeholders(line.record.get()));
        }
        read
    }

    /// A template, each as often as its weight says.
    pub(super) fn choose(&self, rng: &mut SeededRng) -> Option<&Template> {
        let number = rng.below(self.sums.last().copied().unwrap_or_default());
        let at = self.sums.partition_point(|sum| *sum <= number);
        self.templates.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_template() {
        for (content_type, lines) in FILES {
            let templates = Ordinary::of(content_type).templates.len();
            assert_eq!(templates, lines.lines().count(), "{content_type}");
        }
    }

    #[test]
    fn templates_come_as_often_as_they_weigh() {
        let mix = Ordinary::read(
            "{\"weight\": 1, \"record\": {\"a\": 1}}\n{\"weight\": 9, \"record\": {\"b\": 2}}\n",
        );
        let mut rng = SeededRng::of(&[1]);
        let rare = (0..1_000)
            .filter(|_| mix.choose(&mut rng) == mix.templates.first())
            .count();
        assert!((70..130).contains(&rare), "{rare}");
    }
}
