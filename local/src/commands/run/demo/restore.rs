//! Subscriptions of an earlier run. Microsoft would remember them; the emulated one keeps them in memory and must be told.

use emulator::Emulator;
use office365::{Client, ClientConfig, Credential, Endpoints};
use pipeline::aws::secrets::Versions;
use pipeline::ledger::registry::{Registered, TenantState};
use pipeline::subscription::webhook::registration;

use super::{DemoError, TENANTS, add_tenant};
use crate::installation::Installation;

/// Starts the subscriptions that an earlier run had started, as the ledger lists them.
pub(super) async fn subscriptions(
    installation: &Installation,
    microsoft: &Emulator,
) -> Result<(), DemoError> {
    let registered = installation
        .ledger
        .all_tenants()
        .await
        .map_err(|error| DemoError::Unusable(error.to_string()))?;
    if registered.is_empty() {
        return Ok(());
    }
    let client = client(microsoft)?;
    for of in registered
        .iter()
        .filter(|of| of.tenant.state == TenantState::Active)
    {
        add_tenant(microsoft, of.tenant.tenant_id)?;
        start_all(installation, &client, of).await;
    }
    Ok(())
}

async fn start_all(installation: &Installation, client: &Client, of: &Registered) {
    let keys = Versions {
        current: installation.webhook_key.clone(),
        previous: None,
    };
    let tenant = &of.tenant;
    for content_type in &tenant.content_types {
        let webhook = installation
            .webhook_url
            .as_ref()
            .map(|base| registration(base, &keys, tenant.tenant_id, *content_type));
        let started = client
            .start(
                tenant.tenant_id,
                tenant.cloud,
                *content_type,
                webhook.as_ref(),
            )
            .await;
        if let Err(error) = started {
            tracing::warn!(tenant.id = %tenant.tenant_id, content.type = %content_type, %error, "subscription of an earlier run not restored");
        }
    }
}

fn client(microsoft: &Emulator) -> Result<Client, DemoError> {
    let (login, manage) = (microsoft.login_url(), microsoft.manage_url());
    let endpoints = Endpoints::overridden(Some(login.as_str()), Some(manage.as_str()))
        .map_err(|error| DemoError::Unusable(error.to_string()))?;
    let mut config = ClientConfig::new(
        microsoft.client_id(),
        Credential::Secret(microsoft.client_secret().to_owned().into()),
        TENANTS,
    );
    config.endpoints = endpoints;
    Client::new(config).map_err(|error| DemoError::Unusable(error.to_string()))
}
