//! The users of a tenant, derived from the seed.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

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

/// Users of a tenant: with fewer, the feeds of a demo would be the work of people who never stop, and look like attacks.
const USERS: u64 = 1_200;

/// The documentation networks of RFC 5737.
const NETWORKS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// Hosts of the documentation networks that users have. Those above are for attackers.
const HOSTS: u64 = 199;

/// One user, under each of the names that records use, with the addresses that they come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    number: u64,
    pub(crate) name: &'static str,
    pub(crate) object_id: Uuid,
    puid: u64,
    pub(crate) ip: Ipv4Addr,
    pub(crate) ip6: Ipv6Addr,
}

/// All users of one tenant, and the tenant itself as text.
#[derive(Debug)]
pub(crate) struct Users {
    pub(crate) tenant: String,
    pub(crate) domain: String,
    key: u64,
}

impl Users {
    pub(crate) fn of(seed: u64, tenant: Uuid) -> Self {
        let (high, low) = tenant.as_u64_pair();
        let mut rng = SeededRng::of(&[seed, high, low, 3]);
        Self {
            tenant: tenant.to_string(),
            domain: format!("contoso{:04}.example", rng.below(10_000)),
            key: rng.next(),
        }
    }

    /// The user of a number; numbers repeat after the last user.
    pub(crate) fn user(&self, number: u64) -> User {
        let number = number % USERS;
        let mut rng = SeededRng::of(&[self.key, number]);
        let names = NAMES.len() as u64;
        User {
            number,
            name: NAMES[(number % names) as usize],
            object_id: rng.uuid(),
            puid: rng.next() >> 16,
            ip: documentation_address(&mut rng, 1, HOSTS),
            ip6: Ipv6Addr::from([
                0x2001,
                0x0db8,
                rng.below(0xffff) as u16,
                0,
                0,
                0,
                0,
                rng.below(0xfffe) as u16 + 1,
            ]),
        }
    }
}

impl User {
    /// Appends the sign-in name.
    pub(super) fn write_upn(&self, domain: &str, out: &mut Vec<u8>) -> io::Result<()> {
        let letters = self.name.bytes();
        out.extend(letters.map(|byte| match byte {
            b' ' => b'.',
            other => other.to_ascii_lowercase(),
        }));
        // Several people have the same name.
        match self.number / NAMES.len() as u64 {
            0 => {}
            namesake => write!(out, "{namesake}")?,
        }
        write!(out, "@{domain}")
    }

    /// Appends the number that Microsoft's older services know the user by.
    pub(super) fn write_puid(&self, out: &mut Vec<u8>) -> io::Result<()> {
        write!(out, "1003{:012X}", self.puid)
    }
}

/// An address that no user has.
pub(super) fn attackers_address(rng: &mut SeededRng) -> Ipv4Addr {
    documentation_address(rng, HOSTS + 1, u64::from(u8::MAX) - HOSTS - 1)
}

fn documentation_address(rng: &mut SeededRng, first: u64, hosts: u64) -> Ipv4Addr {
    let [a, b, c] = NETWORKS[rng.below(NETWORKS.len() as u64) as usize];
    Ipv4Addr::new(a, b, c, (first + rng.below(hosts)) as u8)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_users_share_a_name() {
        let users = Users::of(1, Uuid::nil());
        let names: BTreeSet<Vec<u8>> = (0..USERS)
            .map(|number| {
                let mut name = Vec::new();
                users
                    .user(number)
                    .write_upn(&users.domain, &mut name)
                    .expect("memory");
                name
            })
            .collect();
        assert_eq!(names.len() as u64, USERS);
    }

    #[test]
    fn attackers_come_from_addresses_of_their_own() {
        let users = Users::of(1, Uuid::nil());
        let own: BTreeSet<Ipv4Addr> = (0..USERS).map(|number| users.user(number).ip).collect();
        let mut rng = SeededRng::of(&[1]);
        for _ in 0..1_000 {
            let address = attackers_address(&mut rng);
            assert!(
                !own.contains(&address) && address.octets()[3] != 255,
                "{address}"
            );
        }
    }
}
