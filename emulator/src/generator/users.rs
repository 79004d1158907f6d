//! The users of a tenant, derived from the seed.

use uuid::Uuid;

use crate::rng::SeededRng;

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
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) upn: String,
    pub(crate) object_id: String,
    pub(crate) puid: String,
}

/// All users of one tenant, and the tenant itself as text.
#[derive(Debug)]
pub(crate) struct Users {
    pub(crate) tenant: String,
    pub(crate) domain: String,
    users: Vec<User>,
}

impl Users {
    pub(crate) fn of(seed: u64, tenant: Uuid) -> Self {
        let (high, low) = tenant.as_u64_pair();
        let mut rng = SeededRng::of(&[seed, high, low, 3]);
        let domain = format!("contoso{:04}.example", rng.below(10_000));
        let users = NAMES
            .iter()
            .map(|name| User {
                name,
                upn: format!("{}@{domain}", name.to_lowercase().replace(' ', ".")),
                object_id: rng.uuid().to_string(),
                puid: format!("1003{:012X}", rng.next() >> 16),
            })
            .collect();
        Self {
            tenant: tenant.to_string(),
            domain,
            users,
        }
    }

    /// The user of a number; numbers repeat after [`NAMES`].
    pub(crate) fn user(&self, number: u64) -> Option<&User> {
        self.users.get((number % NAMES.len() as u64) as usize)
    }
}
