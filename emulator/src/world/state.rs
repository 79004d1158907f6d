//! The state that all parts of a running emulator share, each part of it behind a lock of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Extensions;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;
use uuid::Uuid;

use super::delivery_queue::{DeliveryQueue, WebhookKey};
use super::fault_injector::{FaultContext, FaultInjector};
use super::feed::Feed;
use super::journal::{Journal, Violation};
use super::model::World;
use super::tenant::Tenant;
use crate::clock::{Clock, later};
use crate::config::{Administrator, Config, Consent, CredentialState, FaultKind, TenantState};
use crate::content_type::ContentType;
use crate::generator::{Library, RecordStream, Users};
use crate::rng::{SeededRng, hash_text};

/// The application that customers consent to.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) client_id: Uuid,
    pub(crate) client_secret: String,
    /// Signs the tokens that we issue and later recognise.
    pub(crate) token_key: [u8; 32],
}

#[derive(Debug)]
pub(crate) struct SharedState {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) application: Application,
    /// How our addresses are spelled, ending in a slash.
    pub(crate) public_url: Url,
    pub(crate) library: Library,
    /// Certificates whose keys may sign client assertions.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
    pub(crate) notify: AtomicBool,
    pub(crate) tokens_issued: AtomicU64,
    /// Each request that is being answered has a clone.
    pub(crate) answering: Arc<()>,
    pub(crate) webhook_client: reqwest::Client,
    /// Goes with each response that leads to a next page.
    pub(crate) next_page_spelling: Extensions,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    world: Mutex<World>,
    journal: Mutex<Journal>,
    faults: Mutex<FaultInjector>,
    queues: Mutex<HashMap<WebhookKey, Arc<DeliveryQueue>>>,
    administrator: Mutex<Administrator>,
    redirect_uris: Mutex<Vec<Url>>,
    credential: Mutex<CredentialState>,
    codes: Mutex<HashMap<String, Uuid>>,
    assertions: Mutex<HashMap<String, i64>>,
}

impl SharedState {
    pub(crate) fn new(
        config: Config,
        public_url: Url,
        library: Library,
        certificates: Vec<CertificateDer<'static>>,
        webhook_client: reqwest::Client,
        next_page_spelling: Extensions,
    ) -> Arc<Self> {
        let clock = config.clock.clone();
        let shared = Self {
            application: application(&config),
            notify: AtomicBool::new(config.notify),
            tokens_issued: AtomicU64::new(0),
            answering: Arc::default(),
            faults: Mutex::new(FaultInjector::new(
                config.seed,
                clock.now(),
                config.faults.clone(),
            )),
            world: Mutex::default(),
            journal: Mutex::default(),
            queues: Mutex::default(),
            administrator: Mutex::new(config.administrator.clone()),
            redirect_uris: Mutex::new(config.redirect_uris.clone()),
            credential: Mutex::default(),
            codes: Mutex::default(),
            assertions: Mutex::default(),
            certificates,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
            clock,
            public_url,
            library,
            webhook_client,
            next_page_spelling,
        };
        for tenant in tenant_ids(&shared.config) {
            shared.add_tenant(tenant);
        }
        for (tenant, state) in &shared.config.tenant_states {
            shared.change_tenant(*tenant, state);
        }
        Arc::new(shared)
    }

    /// Adds a tenant; one that exists already stays as it is.
    fn add_tenant(&self, tenant: Uuid) {
        let consent = if self.config.consented {
            Consent::Granted
        } else {
            Consent::Roleless
        };
        let users = Arc::new(Users::of(self.config.seed, tenant));
        let feeds: BTreeMap<ContentType, Feed> = ContentType::ALL
            .into_iter()
            .map(|content_type| {
                let records = self.library.of(content_type);
                let stream =
                    RecordStream::new(self.config.seed, Arc::clone(&users), content_type, records);
                (content_type, Feed::new(Arc::new(stream)))
            })
            .collect();
        self.world()
            .tenants
            .entry(tenant)
            .or_insert_with(|| Tenant::new(consent, feeds));
    }

    /// Changes a tenant, and adds it if it is not there.
    pub(crate) fn change_tenant(&self, tenant: Uuid, state: &TenantState) {
        self.add_tenant(tenant);
        let delay = Duration::from_secs(self.config.behaviour.auditing_starts_after_seconds);
        let audited_from = later(self.now(), delay);
        if let Some(of) = self.world().tenants.get_mut(&tenant) {
            of.change(state, audited_from);
        }
    }

    /// An administrator of the tenant accepts what the application asks for.
    pub(crate) fn accept_consent(&self, tenant: Uuid) {
        let delay = Duration::from_secs(self.config.behaviour.consent_spreads_after_seconds);
        let effect_from = later(self.now(), delay);
        if let Some(of) = self.world().tenants.get_mut(&tenant) {
            of.accept(effect_from);
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    // A lock is poisoned only by a panic in a test's own thread; the model is still whole then.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, FaultInjector> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn administrator(&self) -> MutexGuard<'_, Administrator> {
        self.administrator
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Redirect URIs that are registered for the application.
    pub(crate) fn redirect_uris(&self) -> MutexGuard<'_, Vec<Url>> {
        self.redirect_uris
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How the application's secret and certificates stand.
    pub(crate) fn credential(&self) -> MutexGuard<'_, CredentialState> {
        self.credential
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Codes of the legacy consent, and the tenants they stand for.
    pub(crate) fn codes(&self) -> MutexGuard<'_, HashMap<String, Uuid>> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Assertions that were accepted, by jti, and when they expire.
    pub(crate) fn assertions(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.assertions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn queues(&self) -> MutexGuard<'_, HashMap<WebhookKey, Arc<DeliveryQueue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The faults that strike now.
    pub(crate) fn strike(&self, context: &FaultContext) -> Vec<FaultKind> {
        self.faults().strike(context, self.now())
    }

    /// Records a request that broke a rule of Microsoft's; the first of each rule is also logged as a warning.
    pub(crate) fn record_violation(
        &self,
        rule: &'static str,
        tenant: Option<Uuid>,
        detail: String,
    ) {
        tracing::debug!(rule, %detail, "a request broke a rule of Microsoft's");
        let violation = Violation {
            at: self.now(),
            rule,
            tenant,
            detail,
        };
        if self.journal().violation(violation) {
            tracing::warn!(
                rule,
                "a request broke a rule of Microsoft's; GET /_emulator/violations lists all that do"
            );
        }
    }

    /// Runs a task until it ends or the emulator does.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled_owned(task).await;
        });
    }
}

/// The ids of a configuration's tenants.
pub(crate) fn tenant_ids(config: &Config) -> Vec<Uuid> {
    (0..config.tenants)
        .map(|number| SeededRng::of(&[config.seed, hash_text("tenant"), number as u64]).uuid())
        .chain(config.more_tenants.iter().copied())
        .collect()
}

fn application(config: &Config) -> Application {
    let mut rng = SeededRng::of(&[config.seed, hash_text("application")]);
    let client_id = rng.uuid();
    // As long as Entra's, and marked, so that nobody takes it for a real one.
    let client_secret = format!("emulated~{:016x}{:016x}", rng.next(), rng.next());
    let mut token_key = [0; 32];
    for eight in token_key.chunks_mut(8) {
        eight.copy_from_slice(&rng.next().to_le_bytes());
    }
    Application {
        client_id: config.client_id.unwrap_or(client_id),
        client_secret: config.client_secret.clone().unwrap_or(client_secret),
        token_key,
    }
}
