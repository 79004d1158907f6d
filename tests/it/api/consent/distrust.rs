//! What is not believed: states, tenants and browsers that are not what they say.

use std::collections::BTreeMap;

use emulator::{Administrator, Decision, TenantState};
use futures::future::join_all;
use serde_json::{Value, json};
use tests::Outcome;
use tests::world::{World, quiet};
use uuid::Uuid;

use super::{
    LINK_LIVES, PAUSE, browse, forged, link, not_consented, open, registered, standing, state,
    tokens, visit,
};

/// States that are made up.
const FORGED: usize = 10_000;

/// Browsers that come back at once.
const AT_ONCE: usize = 100;

/// A state that is not `genuine`, the number `n` of them: each part of it is changed, cut, moved or guessed.
fn made_up(genuine: &str, n: usize) -> String {
    let parts: Vec<&str> = genuine.split('.').collect();
    let (id, end, mac) = (parts[0], parts[1], parts[2]);
    let guess = || {
        Uuid::from_u128(n as u128 * 0x9e37_79b9_7f4a_7c15)
            .simple()
            .to_string()
    };
    match n % 8 {
        0 => {
            // Another letter in one place.
            let at = (n / 8) % genuine.len();
            let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let old = genuine.as_bytes()[at];
            let others = letters.bytes().filter(|letter| *letter != old);
            let letter = others.cycle().nth(n / 8).unwrap() as char;
            let mut changed = genuine.to_owned();
            changed.replace_range(at..=at, &letter.to_string());
            changed
        }
        1 => format!("{}.{end}.{mac}", guess()),
        2 => format!("{id}.{}.{mac}", end.parse::<usize>().unwrap() + n),
        3 => format!("{id}.{end}.{}{}", guess(), &guess()[..11]),
        4 => genuine[..n % genuine.len()].to_owned(),
        5 => format!("{genuine}{}", "A".repeat(1 + n % 50)),
        6 => format!("{mac}.{end}.{id}"),
        _ => format!("{id}.{end}.%00{n}"),
    }
}

#[tokio::test]
async fn none_of_ten_thousand_made_up_states_is_accepted() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let genuine = state(&link(&world, Value::Null).await);
    for n in 0..FORGED {
        let made_up = made_up(&genuine, n);
        assert_ne!(made_up, genuine);
        let page = visit(&world, &forged(&made_up, world.tenant())).await;
        page.says(400, "not valid");
    }
    assert_eq!(tokens(&world), 0, "nobody is asked");
    assert!(registered(&world).await.is_empty());
    // The genuine one is as good as before.
    visit(&world, &forged(&genuine, world.tenant()))
        .await
        .says(200, "is registered");
    Ok(())
}

#[tokio::test]
async fn a_state_of_another_installation_opens_nothing() -> Outcome<()> {
    let (world, other) = (World::start(quiet()).await?, World::start(quiet()).await?);
    let foreign = state(&link(&other, Value::Null).await);
    let page = visit(&world, &forged(&foreign, world.tenant())).await;
    assert!(page.status == 400 || page.status == 410, "{}", page.text);
    assert!(registered(&world).await.is_empty() && tokens(&world) == 0);
    Ok(())
}

#[tokio::test]
async fn a_link_ends_after_fifteen_minutes() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let link = link(&world, Value::Null).await;
    world.pass(LINK_LIVES);
    let page = visit(&world, &forged(&state(&link), world.tenant())).await;
    page.says(410, "expired");
    assert_eq!(standing(&world, &link).await["state"], "expired");
    assert!(registered(&world).await.is_empty() && tokens(&world) == 0);
    Ok(())
}

#[tokio::test]
async fn of_a_hundred_browsers_at_once_one_registers() -> Outcome<()> {
    let world = World::start(quiet()).await?;
    let state = state(&link(&world, Value::Null).await);
    let path = forged(&state, world.tenant());
    let pages = join_all((0..AT_ONCE).map(|_| visit(&world, &path))).await;
    let count = |status: u16| pages.iter().filter(|page| page.status == status).count();
    assert!(count(200) >= 1 && count(200) + count(202) == AT_ONCE);
    assert_eq!(tokens(&world), 1, "one of them asked");
    assert_eq!(world.emulator.starts().len(), 5);
    assert_eq!(registered(&world).await.len(), 1);
    Ok(())
}

#[tokio::test]
async fn of_a_hundred_tenants_at_once_one_is_registered() -> Outcome<()> {
    let tenants = 20;
    let world = World::start(emulator::Config { tenants, ..quiet() }).await?;
    let link = link(&world, Value::Null).await;
    let state = state(&link);
    let of = |n: usize| world.emulator.tenants()[n % tenants];
    let paths: Vec<_> = (0..AT_ONCE).map(|n| forged(&state, of(n))).collect();
    let pages = join_all(paths.iter().map(|path| visit(&world, path))).await;
    let mut counts = BTreeMap::new();
    for page in &pages {
        *counts.entry(page.status.as_u16()).or_insert(0) += 1;
    }
    let won = AT_ONCE / tenants;
    assert_eq!(counts.get(&409), Some(&(AT_ONCE - won)), "{counts:?}");
    let registered = registered(&world).await;
    assert_eq!(registered.len(), 1);
    assert_eq!(standing(&world, &link).await["tenant_id"], registered[0]);
    assert_eq!(tokens(&world), 1);
    Ok(())
}

#[tokio::test]
async fn a_used_link_is_shown_to_its_tenant_and_to_no_other() -> Outcome<()> {
    let world = World::start(emulator::Config {
        tenants: 2,
        ..quiet()
    })
    .await?;
    let [first, second] = world.emulator.tenants()[..] else {
        panic!("two tenants");
    };
    let state = state(&link(&world, Value::Null).await);
    visit(&world, &forged(&state, first))
        .await
        .says(200, "is registered");
    let (asked, starts) = (tokens(&world), world.emulator.starts().len());
    world.pass(PAUSE);
    visit(&world, &forged(&state, first))
        .await
        .says(200, "is registered");
    let page = visit(&world, &forged(&state, second)).await;
    page.says(409, "This link was used");
    assert!(!page.text.contains(&first.to_string()), "{}", page.text);
    let refusal = format!("/consent/callback?error=access_denied&state={state}");
    visit(&world, &refusal)
        .await
        .says(409, "This link was used");
    assert_eq!(
        (tokens(&world), world.emulator.starts().len()),
        (asked, starts)
    );
    assert_eq!(registered(&world).await, [first.to_string()]);
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_has_not_consented_is_not_registered() -> Outcome<()> {
    let world = World::start(not_consented(2)).await?;
    let [first, second] = world.emulator.tenants()[..] else {
        panic!("two tenants");
    };
    let link = link(&world, Value::Null).await;
    let back = open(&world, &link, first, Decision::Accept).await?;
    // The browser's address was changed on the way.
    let swapped = back
        .as_str()
        .replace(&first.to_string(), &second.to_string());
    browse(&world, &swapped.parse()?).await.says(202, "Waiting");
    world.pass(PAUSE);
    browse(&world, &swapped.parse()?).await.says(202, "Waiting");
    assert!(registered(&world).await.is_empty());
    // It holds the link until that ends: whoever has it could as well have used it.
    browse(&world, &back).await.says(409, "was used");
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_does_not_exist_leaves_the_link_open() -> Outcome<()> {
    let world = World::start(not_consented(1)).await?;
    let link = link(&world, Value::Null).await;
    world.emulator.set_administrator(Administrator {
        forged_tenant: Some(Uuid::max()),
        ..Administrator::default()
    });
    let forged = super::follow(link["url"].as_str().unwrap()).await?;
    browse(&world, &forged).await.says(422, "AADSTS90002");
    assert_eq!(standing(&world, &link).await["state"], "failed");
    let back = open(&world, &link, world.tenant(), Decision::Accept).await?;
    browse(&world, &back).await.says(200, "is registered");
    Ok(())
}

#[tokio::test]
async fn a_link_for_one_tenant_registers_no_other() -> Outcome<()> {
    let world = World::start(emulator::Config {
        tenants: 2,
        ..quiet()
    })
    .await?;
    let [first, second] = world.emulator.tenants()[..] else {
        panic!("two tenants");
    };
    let link = link(&world, json!({"tenant_id": first})).await;
    assert!(link["url"].as_str().unwrap().contains(&first.to_string()));
    let page = visit(&world, &forged(&state(&link), second)).await;
    page.says(409, "for another tenant");
    assert!(!page.text.contains(&first.to_string()), "{}", page.text);
    assert_eq!(tokens(&world), 0);
    visit(&world, &forged(&state(&link), first))
        .await
        .says(200, "is registered");
    assert_eq!(registered(&world).await, [first.to_string()]);
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_cannot_be_served_is_not_registered() -> Outcome<()> {
    let switch = Some(true);
    for (state_of_tenant, part) in [
        (
            TenantState {
                other_cloud: switch,
                ..TenantState::default()
            },
            "AADSTS900382",
        ),
        (
            TenantState {
                app_disabled: switch,
                ..TenantState::default()
            },
            "AADSTS7000112",
        ),
        (
            TenantState {
                resource_disabled: switch,
                ..TenantState::default()
            },
            "AADSTS500014",
        ),
    ] {
        let world = World::start(quiet()).await?;
        world.emulator.set_tenant(world.tenant(), &state_of_tenant);
        let link = link(&world, Value::Null).await;
        let page = visit(&world, &forged(&state(&link), world.tenant())).await;
        page.says(422, part);
        assert!(registered(&world).await.is_empty());
        let standing = standing(&world, &link).await;
        assert_eq!(standing["state"], "failed");
        assert!(
            standing["text"].as_str().unwrap().contains(part),
            "{standing}"
        );
    }
    Ok(())
}
