//! Where addresses are: from the operator's own files in MaxMind's format, or from a table.
//!
//! Pure: whoever opens the files hands over their bytes. A file that cannot be used is refused by name, and the others work. A
//! damaged one opens when its head is whole; what cannot be looked up in it then is counted, and known as little as what it lacks.

mod place;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use ipnet::IpNet;
use maxminddb::{MaxMindDbError, Reader};
use serde::{Deserialize, Serialize};

pub(crate) use self::place::Point;
pub use self::place::{AutonomousSystem, Degrees, Location, Place};

/// Bytes of all files together, which are held in memory. The largest of cities for the whole world has some 120 MB, that of
/// networks 11 MB.
pub const PLACES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Characters of a type's name that a message repeats.
const TYPE_CHARS_MAX: usize = 64;

/// What a file of places tells of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacesKind {
    /// Countries. A file of cities tells them too.
    Countries,
    /// Cities and coordinates.
    Cities,
    /// Autonomous systems.
    Networks,
}

impl PlacesKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Countries, Self::Cities, Self::Networks];

    /// In plain words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Countries => "countries",
            Self::Cities => "cities",
            Self::Networks => "networks",
        }
    }

    /// From the name that a file's maker gives its type, such as `GeoLite2-City`, `GeoIP2-Country` or `DBIP-ASN-Lite`.
    fn of(database_type: &str) -> Option<Self> {
        let name = database_type.to_ascii_lowercase();
        let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if is(&["city", "enterprise"]) {
            Some(Self::Cities)
        } else if is(&["country"]) {
            Some(Self::Countries)
        } else if is(&["asn", "isp"]) {
            Some(Self::Networks)
        } else {
            None
        }
    }
}

/// Why a file of places cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// It has no bytes.
    #[error("{file} is empty")]
    Empty {
        /// The file's name.
        file: String,
    },
    /// With the others it has more than [`PLACES_BYTES_MAX`].
    #[error("{file} is too large: files of places may have {PLACES_BYTES_MAX} bytes together")]
    TooLarge {
        /// The file's name.
        file: String,
    },
    /// It is not in MaxMind's format, or cut off: its description stands at its end.
    #[error("{file} is no whole file in MaxMind's format: {cause}")]
    Format {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        cause: MaxMindDbError,
    },
    /// It tells something else of addresses.
    #[error("{file} is of the type {database_type}: neither countries, cities nor networks (ASN)")]
    Kind {
        /// The file's name.
        file: String,
        /// What it calls itself.
        database_type: String,
    },
    /// There is one already that tells the same.
    #[error("{file} is of {}, of which there is a file already", kind.as_str())]
    Twice {
        /// The file's name.
        file: String,
        /// What it tells.
        kind: PlacesKind,
    },
}

/// Where addresses are: one file of countries or cities, and one of networks. Without either, nothing is known.
#[derive(Debug, Default)]
pub struct Places {
    locations: Option<Database>,
    networks: Option<Database>,
    table: Vec<(IpNet, Place)>,
    bytes: usize,
    damaged: AtomicU64,
}

#[derive(Debug)]
struct Database {
    kind: PlacesKind,
    reader: Reader<Vec<u8>>,
}

/// What is read of an entry of a file of countries or cities: the members that MaxMind's files and those like them have.
#[derive(Deserialize)]
struct LocationEntry<'f> {
    #[serde(borrow, default)]
    city: Named<'f>,
    #[serde(borrow, default)]
    country: Named<'f>,
    #[serde(default)]
    location: PointEntry,
}

#[derive(Default, Deserialize)]
struct Named<'f> {
    iso_code: Option<&'f str>,
    #[serde(borrow, default)]
    names: Names<'f>,
}

#[derive(Default, Deserialize)]
struct Names<'f> {
    en: Option<&'f str>,
}

#[derive(Default, Deserialize)]
struct PointEntry {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_radius: Option<u16>,
}

/// The same of a file of networks.
#[derive(Deserialize)]
struct NetworkEntry<'f> {
    autonomous_system_number: Option<u32>,
    autonomous_system_organization: Option<&'f str>,
}

impl Places {
    /// Takes a file's bytes; its name is for messages. What it tells follows from the type that it says it is of.
    ///
    /// # Errors
    /// [`PlacesError`]: what was there before stays as it was.
    pub fn add(&mut self, file: &str, bytes: Vec<u8>) -> Result<PlacesKind, PlacesError> {
        let file = || file.to_owned();
        if bytes.is_empty() {
            return Err(PlacesError::Empty { file: file() });
        }
        let all = self.bytes.saturating_add(bytes.len());
        if all > PLACES_BYTES_MAX {
            return Err(PlacesError::TooLarge { file: file() });
        }
        let reader = Reader::from_source(bytes).map_err(|cause| PlacesError::Format {
            file: file(),
            cause,
        })?;
        let database_type = &reader.metadata().database_type;
        let kind = PlacesKind::of(database_type).ok_or_else(|| PlacesError::Kind {
            file: file(),
            database_type: database_type.chars().take(TYPE_CHARS_MAX).collect(),
        })?;
        let place = match kind {
            PlacesKind::Networks => &mut self.networks,
            PlacesKind::Countries | PlacesKind::Cities => &mut self.locations,
        };
        if place.is_some() {
            return Err(PlacesError::Twice { file: file(), kind });
        }
        *place = Some(Database { kind, reader });
        self.bytes = all;
        Ok(kind)
    }

    /// A table of networks instead of files: everything is known of what is in it. Of networks that overlap the first counts.
    #[must_use]
    pub fn of_table(table: Vec<(IpNet, Place)>) -> Self {
        Self {
            table,
            ..Self::default()
        }
    }

    /// Whether this is told of addresses.
    #[must_use]
    pub fn tell(&self, kind: PlacesKind) -> bool {
        let locations = self.locations.as_ref().map(|of| of.kind);
        !self.table.is_empty()
            || match kind {
                PlacesKind::Countries => locations.is_some(),
                PlacesKind::Cities => locations == Some(PlacesKind::Cities),
                PlacesKind::Networks => self.networks.is_some(),
            }
    }

    /// Whether nothing is known of any address.
    #[must_use]
    pub fn are_empty(&self) -> bool {
        self.table.is_empty() && self.locations.is_none() && self.networks.is_none()
    }

    /// How many look-ups ended at damage of a file so far.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// Where an address is; `None` when nothing is known of it, or it is none.
    #[must_use]
    pub fn of(&self, address: &str) -> Option<Place> {
        if self.are_empty() {
            return None;
        }
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let known = self.table.iter().find(|(net, _)| net.contains(&address));
        if let Some((_, place)) = known {
            return Some(place.clone());
        }
        let place = Place {
            location: self.entry(self.locations.as_ref(), address, LocationEntry::read),
            autonomous_system: self.entry(self.networks.as_ref(), address, NetworkEntry::read),
        };
        (place != Place::default()).then_some(place)
    }

    fn entry<'f, E: Deserialize<'f>, T>(
        &self,
        of: Option<&'f Database>,
        address: IpAddr,
        read: impl Fn(E) -> Option<T>,
    ) -> Option<T> {
        let reader = &of?.reader;
        // A file of version 4 has no address of version 6.
        if address.is_ipv6() && reader.metadata().ip_version != 6 {
            return None;
        }
        let entry = reader.lookup(address).and_then(|found| found.decode::<E>());
        match entry {
            Ok(entry) => read(entry?),
            Err(_) => {
                self.damaged.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

impl LocationEntry<'_> {
    fn read(self) -> Option<Location> {
        let degrees = |of: Option<f64>| of.and_then(Degrees::new);
        let owned = |of: Option<&str>| of.filter(|of| !of.is_empty()).map(str::to_owned);
        let location = Location {
            country: owned(self.country.iso_code),
            city: owned(self.city.names.en),
            lat: degrees(self.location.latitude),
            long: degrees(self.location.longitude),
            accuracy_km: self.location.accuracy_radius,
        };
        (location != Location::default()).then_some(location)
    }
}

impl NetworkEntry<'_> {
    fn read(self) -> Option<AutonomousSystem> {
        let name = self.autonomous_system_organization;
        let system = AutonomousSystem {
            number: self.autonomous_system_number,
            name: name.filter(|of| !of.is_empty()).map(str::to_owned),
        };
        (system != AutonomousSystem::default()).then_some(system)
    }
}
