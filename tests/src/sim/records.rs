//! What was published: the oracle's own account, beside the emulator's.

use std::collections::{BTreeMap, BTreeSet};

use emulator::{ContentType, Emulator};
use jiff::Timestamp;
use office365::TenantId;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::dice::Dice;

/// One record in so many is of an act that a rule fires on.
const ATTACK_EVERY: usize = 9;

/// One record in so many makes an account, and one as often deletes it: a rule fires on the two.
const ACCOUNT_EVERY: usize = 16;

/// The user whose findings an exception is for, where a plan has one.
pub const EXCEPTED_USER: &str = "user-2@contoso.example";

/// Records that each tenant may get, by tenant and id.
pub type Known = BTreeMap<(Uuid, String), Value>;

/// How likely the odd things in blobs are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mix {
    /// That a record was in a blob before; its members come in another order.
    pub shared: f64,
    /// That a blob has a record of another organization.
    pub foreign: f64,
    /// That a blob has an element that is no record.
    pub poison: f64,
}

/// A blob that was published.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Whose.
    pub tenant: Uuid,
    /// Under which subscription.
    pub of: ContentType,
    /// Its name.
    pub content_id: String,
    /// When.
    pub created: Timestamp,
    /// The Ids of its records.
    pub ids: Vec<String>,
    /// One of them that was in no blob before.
    pub own: Option<String>,
}

impl Blob {
    /// Whose, as the product writes it; none when that is no tenant.
    #[must_use]
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.tenant.to_string().parse().ok()
    }
}

/// The records that were published.
#[derive(Debug, Default)]
pub struct Records {
    tenants: Vec<Uuid>,
    mix: Mix,
    published: Known,
    blobs: Vec<Blob>,
}

impl Records {
    /// None yet.
    #[must_use]
    pub fn new(tenants: Vec<Uuid>, mix: Mix) -> Self {
        Self {
            tenants,
            mix,
            ..Self::default()
        }
    }

    /// Publishes a blob of so many records.
    pub fn publish(
        &mut self,
        emulator: &Emulator,
        (tenant, of): (usize, ContentType),
        size: usize,
        dice: &Dice,
    ) {
        let Some(tenant) = self.tenants.get(tenant).copied() else {
            return;
        };
        let created = emulator.clock().now();
        let at = created.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let (mut ids, mut own) = (Vec::new(), None);
        let mut elements: Vec<Value> = Vec::new();
        for _ in 0..size {
            let record = match self.earlier(tenant, dice).filter(|of| own != Some(id(of))) {
                Some(record) => turned(&record),
                None => {
                    let record = record(tenant, self.published.len() + 1, &at);
                    let id = id(&record);
                    own = Some(id.clone());
                    self.published.insert((tenant, id), record.clone());
                    record
                }
            };
            ids.push(id(&record));
            elements.push(record);
        }
        let mut put = |element| elements.insert(dice.below(elements.len() + 1), element);
        if dice.chance(self.mix.foreign) {
            let mut foreign = record(Uuid::from_u128(1), self.blobs.len(), &at);
            foreign["Id"] = json!(format!("f0000000-0000-4000-8000-{:012}", self.blobs.len()));
            put(foreign);
        }
        if dice.chance(self.mix.poison) {
            put(json!("no record"));
        }
        let content_id = emulator.publish(tenant, of, elements);
        self.blobs.push(Blob {
            tenant,
            of,
            content_id,
            created,
            ids,
            own,
        });
    }

    /// A record of the tenant that was published before, if it is time for one. Not the own one of a blob: by that it is told
    /// whether the blob was made available.
    fn earlier(&self, tenant: Uuid, dice: &Dice) -> Option<Value> {
        if !dice.chance(self.mix.shared) {
            return None;
        }
        let own = self.blobs.iter().filter_map(|blob| blob.own.as_deref());
        let own: BTreeSet<&str> = own.collect();
        let is_shared = |(of, id): &(Uuid, String)| *of == tenant && !own.contains(id.as_str());
        let of_tenant = self.published.iter().filter(|(key, _)| is_shared(key));
        let of_tenant: Vec<&Value> = of_tenant.map(|(_, record)| record).collect();
        dice.one(&of_tenant).map(|record| (*record).clone())
    }

    /// What was published and made available to a subscription that was enabled, by tenant and id: what appears while one is
    /// disabled, Microsoft gives to nobody.
    #[must_use]
    pub fn available(&self, emulator: &Emulator) -> Known {
        let ids = emulator.published_ids().into_iter();
        let known = ids.filter_map(|key| {
            let record = self.published.get(&key)?.clone();
            Some((key, record))
        });
        known.collect()
    }

    /// The blobs that were made available, as far as a record of their own says so.
    #[must_use]
    pub fn available_blobs(&self, emulator: &Emulator) -> Vec<&Blob> {
        let ids: BTreeSet<(Uuid, String)> = emulator.published_ids().into_iter().collect();
        let is_available = |blob: &&Blob| {
            let own = blob.own.clone();
            own.is_some_and(|id| ids.contains(&(blob.tenant, id)))
        };
        self.blobs.iter().filter(is_available).collect()
    }

    /// All blobs, those among them that no subscription was enabled for.
    #[must_use]
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// The blob of this name.
    #[must_use]
    pub fn blob(&self, (tenant, content_id): &(Uuid, String)) -> Option<&Blob> {
        let mut blobs = self.blobs.iter();
        blobs.find(|blob| blob.tenant == *tenant && blob.content_id == *content_id)
    }

    /// The blobs that a record was in.
    pub fn blobs_with<'a>(&'a self, key: &'a (Uuid, String)) -> impl Iterator<Item = &'a Blob> {
        let has = |blob: &&Blob| blob.tenant == key.0 && blob.ids.contains(&key.1);
        self.blobs.iter().filter(has)
    }
}

fn id(record: &Value) -> String {
    record["Id"].as_str().unwrap_or_default().to_owned()
}

/// The same record with its members in the opposite order, as another of Microsoft's services may write it.
fn turned(record: &Value) -> Value {
    let members = record.as_object().into_iter().flatten().rev();
    let members = members.map(|(name, value)| (name.clone(), value.clone()));
    Value::Object(members.collect::<Map<_, _>>())
}

fn record(tenant: Uuid, n: usize, at: &str) -> Value {
    let mut record = json!({
        "Id": format!("a0000000-0000-4000-8000-{n:012}"),
        "OrganizationId": tenant,
        "CreationTime": at,
        "RecordType": 1,
        "Operation": "Set-Mailbox",
        "UserId": format!("user-{}@contoso.example", n % 5),
        "UserKey": "1", "UserType": 0, "Workload": "Exchange",
    });
    if n.is_multiple_of(ATTACK_EVERY) {
        record["Operation"] = json!("New-InboxRule");
        record["ResultStatus"] = json!("True");
        record["Parameters"] = json!([{"Name": "ForwardTo", "Value": "drop@attacker.example"}]);
    } else if let (account, of @ (3 | 11)) = (n / ACCOUNT_EVERY, n % ACCOUNT_EVERY) {
        record["Operation"] = json!(if of == 3 { "Add user." } else { "Delete user." });
        record["RecordType"] = json!(8);
        record["Workload"] = json!("AzureActiveDirectory");
        record["ResultStatus"] = json!("Success");
        record["ObjectId"] = json!(format!("account-{account}@contoso.example"));
    }
    record
}
