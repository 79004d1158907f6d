//! Findings, and their OCSF events.

mod attack;
mod ecs;
mod ocsf;

use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use crate::places::{Place, Places};
use crate::rules::About;

/// Records that a finding names; all are counted.
pub const RECORDS_NAMED_MAX: usize = 100;

/// The space of the uids of findings.
const SPACE: Uuid = Uuid::from_u128(0x6a0d_5f0e_0a0c_4c0b_9d52_1c6f_7b1e_33a4);

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The same whenever the same is found: a function of rule, tenant and record, or of rule, tenant, group and window.
    pub uid: Uuid,
    /// The rule.
    pub rule: Arc<About>,
    /// `OrganizationId` of the records; empty when they have none.
    pub tenant: String,
    /// The time of the first record, in seconds since 1970.
    pub first: i64,
    /// The time of the last record.
    pub last: i64,
    /// The ids of the records that made it, in the order of time: the first [`RECORDS_NAMED_MAX`].
    pub records: Vec<String>,
    /// How many records made it.
    pub count: usize,
    /// `UserId`; of a correlation only if it groups by it, as is what follows.
    pub user: Option<String>,
    /// The address that it came from, without a port.
    pub address: Option<String>,
    /// The application that acted.
    pub application: Option<String>,
    /// The operation of the one record.
    pub operation: Option<String>,
    /// The fields and values of a correlation's group, or of what was new and for whom.
    pub group: Vec<(String, String)>,
    /// The addresses that it came from whose places are known, in the order of time: two of travels, else none or one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<Endpoint>,
}

/// An address and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The address, without a port.
    pub address: String,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
}

impl Finding {
    /// Tells where its addresses are, as far as `places` know. What it knows of them already stays as it is.
    pub fn locate(&mut self, places: &Places) {
        for endpoint in &mut self.endpoints {
            let known = places.of(&endpoint.address).unwrap_or_default();
            let Place {
                location,
                autonomous_system,
            } = &mut endpoint.place;
            *location = location.take().or(known.location);
            *autonomous_system = autonomous_system.take().or(known.autonomous_system);
        }
        if self.endpoints.is_empty()
            && let Some(address) = &self.address
            && let Some(place) = places.of(address)
        {
            let address = address.clone();
            self.endpoints.push(Endpoint { address, place });
        }
    }
}

/// A uid of parts, none of which can run into the next.
pub(crate) fn uid(parts: &[&str]) -> Uuid {
    let mut name = Vec::new();
    for part in parts {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&SPACE, &name)
}
