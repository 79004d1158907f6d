//! The settings that an emulator is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use url::Url;
use uuid::Uuid;

use super::administrator::Administrator;
use super::behaviour::Behaviour;
use super::fault::Fault;
use super::federated_credential::FederatedCredential;
use super::story_entry::StoryEntry;
use super::tenant_state::TenantState;
use super::tls::Tls;
use crate::clock::Clock;
use crate::content_type::ContentType;

/// Tenants of one emulator at most: each costs some ten kilobytes and up to five generators.
pub(crate) const TENANTS_MAX: usize = 10_000;

/// Settings of an emulator. [`Config::default`] is one consented tenant that publishes 20 small blobs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0, the default, takes a free one.
    pub listen: SocketAddr,
    /// Answers HTTPS alone with this certificate; plain HTTP by default.
    pub tls: Option<Tls>,
    /// The same seed gives the same tenants, credentials, records, blobs and faults.
    pub seed: u64,
    /// How many tenants there are; their ids derive from the seed.
    pub tenants: usize,
    /// Further tenants, by id.
    pub more_tenants: Vec<Uuid>,
    /// Changes to single tenants; ids that are not there yet are added.
    pub tenant_states: Vec<(Uuid, TenantState)>,
    /// Whether the tenants have consented to the application already.
    pub consented: bool,
    /// The content types in which the generator publishes.
    pub content_types: Vec<ContentType>,
    /// Blobs the generator publishes per tenant, spread evenly over `content_types`. Each type's share starts when the type is subscribed.
    pub blobs_per_tenant: usize,
    /// Records in a generated blob.
    pub records_per_blob: RangeInclusive<usize>,
    /// A file of raw audit records (one JSON object a line) to publish instead of generated ones.
    /// They are used in order, each with an `Id` of its own and the tenant's `OrganizationId`.
    pub records: Option<PathBuf>,
    /// Attacks that are told among the ordinary records; more can be told while running.
    pub stories: Vec<StoryEntry>,
    /// The generator's pace per tenant; `None` is as fast as possible.
    pub blobs_per_second: Option<f64>,
    /// Whether webhooks are told about blobs. Without, content is found through `/subscriptions/content` alone.
    pub notify: bool,
    /// Accept `http://` webhook addresses. Microsoft refuses them (AF20021), and so does the default.
    pub allow_http_webhooks: bool,
    /// Accept any certificate of an `https://` webhook, such as a self-signed one.
    pub allow_any_webhook_certificate: bool,
    /// How `contentUri` and `NextPageUri` are spelled; the bound address by default.
    pub public_url: Option<Url>,
    /// The application's id; from the seed by default.
    pub client_id: Option<Uuid>,
    /// The application's secret; from the seed by default.
    pub client_secret: Option<String>,
    /// Secrets that have expired: AADSTS7000222.
    pub expired_client_secrets: Vec<String>,
    /// PEM certificates whose keys may sign client assertions.
    pub client_certificates: Vec<String>,
    /// Identity providers whose assertions stand in for a secret.
    pub federated_credentials: Vec<FederatedCredential>,
    /// Redirect URIs registered for consent; any is accepted when there are none.
    pub redirect_uris: Vec<Url>,
    /// What the administrator does in front of the consent page.
    pub administrator: Administrator,
    /// The resource that tokens are for, `https://manage.office.com` in the enterprise cloud.
    pub resource: String,
    /// The choices that Microsoft left undocumented.
    pub behaviour: Behaviour,
    /// Faults from the start; more can be added while running.
    pub faults: Vec<Fault>,
    /// The time; the system's by default.
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            seed: 1,
            tenants: 1,
            more_tenants: Vec::new(),
            tenant_states: Vec::new(),
            consented: true,
            content_types: ContentType::ALL.to_vec(),
            blobs_per_tenant: 20,
            records_per_blob: 1..=50,
            records: None,
            stories: Vec::new(),
            blobs_per_second: None,
            notify: true,
            allow_http_webhooks: false,
            allow_any_webhook_certificate: false,
            public_url: None,
            client_id: None,
            client_secret: None,
            expired_client_secrets: Vec::new(),
            client_certificates: Vec::new(),
            federated_credentials: Vec::new(),
            redirect_uris: Vec::new(),
            administrator: Administrator::default(),
            resource: "https://manage.office.com".to_owned(),
            behaviour: Behaviour::default(),
            faults: Vec::new(),
            clock: Clock::system(),
        }
    }
}

impl Config {
    /// How many blobs the generator publishes in `content_type`: an even share, the first types take the rest.
    pub(crate) fn blobs_of(&self, content_type: ContentType) -> usize {
        let Some(position) = self.content_types.iter().position(|of| *of == content_type) else {
            return 0;
        };
        let types = self.content_types.len();
        self.blobs_per_tenant / types + usize::from(position < self.blobs_per_tenant % types)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_are_spread_over_the_content_types() {
        let config = Config {
            blobs_per_tenant: 7,
            content_types: vec![
                ContentType::Exchange,
                ContentType::Dlp,
                ContentType::General,
            ],
            ..Config::default()
        };
        assert_eq!(
            ContentType::ALL.map(|content_type| config.blobs_of(content_type)),
            [0, 3, 0, 2, 2]
        );
    }
}
