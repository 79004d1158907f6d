//! The users of a tenant, derived from the seed.

use uuid::Uuid;

use crate::dice::Dice;

const NAMES: [&str; 24] = [
    "Adele Vance",
    "Alex Wilber",
    "Allan Deyoung",
    "Bianca Pisani",
    "Cameron White",
    "Christie Cline",
    "Debra Berger",
    "Diego Siciliani",
    "Emily Braun",
    "Grady Archie",
    "Henrietta Mueller",
    "Irvin Sayers",
    "Isaiah Langer",
    "Johanna Lorenz",
    "Joni Sherman",
    "Jordan Miller",
    "Lee Gu",
    "Lidia Holloway",
    "Lynne Robbins",
    "Megan Bowen",
    "Miriam Graham",
    "Nestor Wilke",
    "Patti Fernandez",
    "Pradeep Gupta",
];

/// One user, under each of the names that records use.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) upn: String,
    pub(crate) object_id: String,
    pub(crate) puid: String,
}

/// All users of one tenant, and the tenant itself as text.
#[derive(Debug)]
pub(crate) struct People {
    pub(crate) tenant: String,
    pub(crate) domain: String,
    people: Vec<Person>,
}

impl People {
    pub(crate) fn of(seed: u64, tenant: Uuid) -> Self {
        let (high, low) = tenant.as_u64_pair();
        let mut dice = Dice::of(&[seed, high, low, 3]);
        let domain = format!("contoso{:04}.example", dice.below(10_000));
        let people = NAMES
            .iter()
            .map(|name| Person {
                name,
                upn: format!("{}@{domain}", name.to_lowercase().replace(' ', ".")),
                object_id: dice.uuid().to_string(),
                puid: format!("1003{:012X}", dice.next() >> 16),
            })
            .collect();
        Self {
            tenant: tenant.to_string(),
            domain,
            people,
        }
    }

    /// The user of a number; numbers repeat after [`NAMES`].
    pub(crate) fn person(&self, number: u64) -> Option<&Person> {
        self.people.get((number % NAMES.len() as u64) as usize)
    }
}
