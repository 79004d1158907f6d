//! A running emulator: what tests and the demo call.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Extensions;
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::{
    Administrator, Config, CredentialState, Fault, NextPageHeader, TENANTS_MAX, TenantState,
};
use crate::content_type::ContentType;
use crate::generator::{BadRecord, Library};
use crate::operation::Operation;
use crate::publish::{Published, Told, UnknownTenant, publish, published, published_ids, tell};
use crate::story::Story;
use crate::world::{
    BlobBody, Delivery, RequestSeen, SharedState, StartSeen, Violation, tenant_ids,
};
use crate::{login, message, server, webhook};

/// A running emulator. It stops when it is dropped.
#[derive(Debug)]
pub struct Emulator {
    shared: Arc<SharedState>,
    address: SocketAddr,
}

/// Why an emulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file of records cannot be read.
    #[error("cannot read the records in {path}: {source}")]
    ReadRecords {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file of records holds something other than records.
    #[error("cannot use the records in {path}: {source}")]
    BadRecords {
        /// The file.
        path: PathBuf,
        /// The line and why.
        source: BadRecord,
    },
    /// The public URL cannot carry a path.
    #[error("cannot be known as {0}; give a public URL such as http://127.0.0.1:8765/")]
    PublicUrl(String),
    /// Too many tenants.
    #[error("{0} tenants are too many; at most {TENANTS_MAX}")]
    TooManyTenants(usize),
    /// A certificate cannot be read.
    #[error("cannot use a client certificate: {0}; give an X.509 certificate in PEM")]
    Certificate(String),
    /// The certificate or the key for HTTPS cannot be used.
    #[error("cannot answer HTTPS: {0}; give a certificate and its key in PEM")]
    Tls(String),
    /// The client for webhooks cannot be made.
    #[error("cannot make the client for webhooks: {0}")]
    WebhookClient(#[from] reqwest::Error),
}

impl Emulator {
    /// Starts an emulator; it listens when this returns.
    ///
    /// # Errors
    /// When the address, the file of records or the public URL cannot be used.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        if config.tenants > TENANTS_MAX {
            return Err(StartError::TooManyTenants(config.tenants));
        }
        let library = match &config.records {
            Some(path) => read_library(path.clone()).await?,
            None => Library::default(),
        };
        let certificates =
            login::certificates(&config.client_certificates).map_err(StartError::Certificate)?;
        let listen_error = |source| StartError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(listen_error)?;
        let address = listener.local_addr().map_err(listen_error)?;
        let public_url = public_url(&config, address)?;
        let webhook_client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .danger_accept_invalid_certs(config.allow_any_webhook_certificate)
            .no_proxy()
            .build()?;
        let tls = config
            .tls
            .as_ref()
            .map(server::acceptor)
            .transpose()
            .map_err(StartError::Tls)?;
        let next_page_spelling = match config.behaviour.next_page_header {
            NextPageHeader::Documented => message::spelling(message::DOCUMENTED_NEXT_PAGE).await,
            NextPageHeader::Lower | NextPageHeader::Title => Extensions::new(),
        };
        let shared = SharedState::new(
            config,
            public_url,
            library,
            certificates,
            webhook_client,
            next_page_spelling,
        );
        shared.spawn(server::serve(listener, tls, Arc::clone(&shared)));
        Ok(Self { shared, address })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The login host's URL, ending in a slash.
    pub fn login_url(&self) -> Url {
        self.shared.public_url.clone()
    }

    /// The API host's URL, ending in a slash.
    pub fn manage_url(&self) -> Url {
        self.shared.public_url.clone()
    }

    /// The application's id.
    pub fn client_id(&self) -> Uuid {
        self.shared.application.client_id
    }

    /// The application's secret.
    pub fn client_secret(&self) -> &str {
        &self.shared.application.client_secret
    }

    /// All tenants: those of the configuration in its order, then those added while running.
    pub fn tenants(&self) -> Vec<Uuid> {
        let mut tenants = tenant_ids(&self.shared.config);
        let added: Vec<Uuid> = self
            .shared
            .world()
            .tenants
            .keys()
            .filter(|tenant| !tenants.contains(tenant))
            .copied()
            .collect();
        tenants.extend(added);
        tenants
    }

    /// The clock, to be read and moved.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Adds a tenant, or changes one. Fields of `state` that are `None` stay as they are.
    pub fn set_tenant(&self, tenant: Uuid, state: &TenantState) {
        self.shared.change_tenant(tenant, state);
    }

    /// Puts another administrator in front of the consent page.
    pub fn set_administrator(&self, administrator: Administrator) {
        *self.shared.administrator() = administrator;
    }

    /// Registers one more redirect URI of the application. From the first one on, others are refused (AADSTS50011).
    pub fn register_redirect(&self, uri: Url) {
        self.shared.redirect_uris().push(uri);
    }

    /// Lets the application's secret and certificates expire, takes them out of the app registration, or puts them back. Tokens
    /// that were issued stay good.
    pub fn set_credential(&self, state: CredentialState) {
        *self.shared.credential() = state;
    }

    /// Publishes a blob of records by hand and answers its content id; empty when the tenant is unknown.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers build the records for this call alone"
    )]
    pub fn publish(&self, tenant: Uuid, content_type: ContentType, records: Vec<Value>) -> String {
        let body = serde_json::to_vec(&records).unwrap_or_default();
        self.publish_bytes(tenant, content_type, Bytes::from(body))
    }

    /// Publishes a blob of any bytes, such as one that is not JSON, and answers its content id; empty when the tenant is unknown.
    pub fn publish_bytes(&self, tenant: Uuid, content_type: ContentType, body: Bytes) -> String {
        publish(
            &self.shared,
            tenant,
            content_type,
            BlobBody::Bytes(body),
            None,
        )
        .unwrap_or_default()
    }

    /// Tells a story: its records of the content types that are subscribed become available, the last of them minutes old.
    ///
    /// # Errors
    /// The tenant is unknown.
    pub fn tell(&self, tenant: Uuid, story: Story) -> Result<Told, UnknownTenant> {
        tell(&self.shared, tenant, story)
    }

    /// What was made available to enabled subscriptions so far.
    pub fn published(&self) -> Published {
        published(&self.shared)
    }

    /// Tenant and Id of every record that was made available to an enabled subscription.
    pub fn published_ids(&self) -> Vec<(Uuid, String)> {
        published_ids(&self.shared)
    }

    /// Turns webhook notifications on or off; what is published while they are off is never announced.
    pub fn set_notify(&self, on: bool) {
        self.shared.notify.store(on, Ordering::Relaxed);
    }

    /// Announcements that wait or are being sent.
    pub fn announcements_waiting(&self) -> usize {
        webhook::pending(&self.shared)
    }

    /// Announcements that are being sent, or are to be sent now: those that wait for a later time are not among them.
    pub fn announcements_due(&self) -> usize {
        webhook::due(&self.shared)
    }

    /// Requests that are being answered: one whose caller is gone may be among them for a moment.
    pub fn requests_open(&self) -> usize {
        Arc::strong_count(&self.shared.answering) - 1
    }

    /// Adds a fault; false when there are too many.
    pub fn fault(&self, fault: impl Into<Fault>) -> bool {
        self.shared.faults().add(fault.into())
    }

    /// The faults in force, and how often each has struck.
    pub fn faults(&self) -> Vec<(Fault, u64)> {
        self.shared.faults().list()
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.shared.faults().clear();
    }

    /// The requests that came in and the validation calls that went out, at most the last 100,000. Calls of the control API are not among them.
    pub fn requests(&self) -> Vec<RequestSeen> {
        self.shared.journal().requests.iter().cloned().collect()
    }

    /// How many requests of a kind came in.
    pub fn request_count(&self, operation: Operation) -> u64 {
        self.shared
            .journal()
            .request_counts
            .get(&operation)
            .copied()
            .unwrap_or_default()
    }

    /// The starts that came in.
    pub fn starts(&self) -> Vec<StartSeen> {
        self.shared.journal().starts.iter().cloned().collect()
    }

    /// The attempts to notify webhooks.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.journal().deliveries.iter().cloned().collect()
    }

    /// The calls that broke one of Microsoft's rules.
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.journal().violations.iter().cloned().collect()
    }

    /// Stops, and returns when nothing runs any more.
    pub async fn shutdown(self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

async fn read_library(path: PathBuf) -> Result<Library, StartError> {
    let text =
        tokio::fs::read_to_string(&path)
            .await
            .map_err(|source| StartError::ReadRecords {
                path: path.clone(),
                source,
            })?;
    Library::parse(&text).map_err(|source| StartError::BadRecords { path, source })
}

fn public_url(config: &Config, address: SocketAddr) -> Result<Url, StartError> {
    let text = config.public_url.as_ref().map_or_else(
        || {
            let scheme = if config.tls.is_some() {
                "https"
            } else {
                "http"
            };
            format!("{scheme}://{address}/")
        },
        ToString::to_string,
    );
    let mut url: Url = text
        .parse()
        .map_err(|_| StartError::PublicUrl(text.clone()))?;
    if url.cannot_be_a_base() {
        return Err(StartError::PublicUrl(text));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}
