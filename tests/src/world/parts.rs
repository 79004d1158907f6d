//! Parts that an installation is put together from, and put together from anew when a test changes one.

use std::sync::Arc;

use emulator::Emulator;
use office365::Endpoints;
use pipeline::api::{Access, Api, Fleet};
use pipeline::aws::secrets::Secret;
use pipeline::detections::Detections;
use pipeline::lake::Lake;
use pipeline::ledger::Ledger;
use pipeline::microsoft::Microsoft;
use pipeline::microsoft::credential::AppCredential;
use pipeline::queue::Queue;
use pipeline::subscription::Webhooks;
use uuid::Uuid;

use super::API_KEY;
use crate::Outcome;

/// The operator's API.
pub(super) fn operators_api(
    (ledger, detections): (&Ledger, Detections),
    queue: &Queue,
    lake: Lake,
    microsoft: Microsoft,
    webhooks: Webhooks,
) -> Arc<Api> {
    Arc::new(Api {
        ledger: ledger.clone(),
        detections,
        detects: true,
        lake,
        lake_table: "events".to_owned(),
        queue: queue.clone(),
        microsoft,
        public_url: webhooks.base_url.clone(),
        webhooks,
        api_key: Secret::fixed(API_KEY.into(), None),
        fleet: Fleet::default(),
        access: Access::default(),
    })
}

/// The emulated Microsoft, as an app registration with this credential sees it.
pub(super) fn microsoft_by(emulator: &Emulator, credential: AppCredential) -> Outcome<Microsoft> {
    let (login, manage) = (emulator.login_url(), emulator.manage_url());
    let endpoints = Endpoints::overridden(Some(login.as_str()), Some(manage.as_str()))?;
    let publisher = Uuid::from_u128(7);
    Ok(Microsoft::new(
        emulator.client_id(),
        publisher,
        endpoints,
        credential,
    ))
}
