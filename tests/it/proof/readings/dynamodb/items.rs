//! Items: what they hold, how large they are, and how they grow.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{Item, PARTITION, Table, at_each, bytes, key, number, sort_keys, text};
use crate::proof::readings::told;

/// DynamoDB's limit for an item: 400 KB.
const ITEM_BYTES_MAX: usize = 400 * 1024;

/// What the names of an item's attributes and its keys take: pk, p, sk, a and ids.
const AROUND_IDS: usize = 9;

#[tokio::test]
async fn a_consistent_read_sees_what_was_written() {
    let aws = "20 of 20";
    at_each(
        "a_consistent_read_sees_what_was_written",
        aws,
        async |table| {
            let mut seen = 0;
            for n in 0..20 {
                table.put("a", [("n", number(n))]).send().await?;
                let query = table.query("").send().await?;
                let queried = query.items().first().and_then(|item| item.get("n"));
                let is_seen = table.n("a").await? == n.to_string() && queried == Some(&number(n));
                seen += usize::from(is_seen);
            }
            Ok(format!("{seen} of 20"))
        },
    )
    .await;
}

#[tokio::test]
async fn an_item_over_400_kb_is_refused() {
    let aws = "402,200 accepted, 409,600 accepted, 409,601 ValidationException, grown to 409,601 ValidationException";
    at_each("an_item_over_400_kb_is_refused", aws, async |table| {
        let put = async |len| {
            told(
                &table
                    .put("a", [("ids", bytes(len - AROUND_IDS))])
                    .send()
                    .await,
            )
        };
        let entry = put(402_200).await;
        let over = put(ITEM_BYTES_MAX + 1).await;
        let full = put(ITEM_BYTES_MAX).await;
        let grown = table.update("a", "SET ids = :ids");
        let ids = bytes(ITEM_BYTES_MAX + 1 - AROUND_IDS);
        let grown = grown.expression_attribute_values(":ids", ids).send().await;
        let grown = told(&grown);
        Ok(format!(
            "402,200 {entry}, 409,600 {full}, 409,601 {over}, grown to 409,601 {grown}"
        ))
    })
    .await;
}

#[tokio::test]
async fn a_number_is_added_to_from_nothing() {
    let aws = "3, 8, 1700000000008";
    at_each("a_number_is_added_to_from_nothing", aws, async |table| {
        let mut seen = Vec::new();
        for more in [3, 5, 1_700_000_000_000] {
            let update = table.update("a", "ADD n :more");
            let update = update.expression_attribute_values(":more", number(more));
            update.send().await?;
            seen.push(table.n("a").await?);
        }
        Ok(seen.join(", "))
    })
    .await;
}

#[tokio::test]
async fn if_not_exists_keeps_the_first() {
    let aws = "first 1, n 1; first 1, n 2";
    at_each("if_not_exists_keeps_the_first", aws, async |table| {
        let mut seen = Vec::new();
        for n in [1, 2] {
            let update = table.update("a", "SET #first = if_not_exists(#first, :n), n = :n");
            update
                .expression_attribute_names("#first", "first")
                .expression_attribute_values(":n", number(n))
                .send()
                .await?;
            let item = table.get("a").await?.unwrap_or_default();
            let first = item.get("first").and_then(|first| first.as_n().ok());
            let first = first.cloned().unwrap_or_default();
            seen.push(format!("first {first}, n {}", table.n("a").await?));
        }
        Ok(seen.join("; "))
    })
    .await;
}

/// One expression reads the item as it was before all of it.
#[tokio::test]
async fn an_update_sets_removes_and_adds_at_once() {
    let aws = "was 1, n 2, gone none, count 5";
    at_each(
        "an_update_sets_removes_and_adds_at_once",
        aws,
        async |table| {
            let item = [
                ("n", number(1)),
                ("gone", text("x")),
                ("counted", number(4)),
            ];
            table.put("a", item).send().await?;
            let update = table.update("a", "SET was = n, n = :two REMOVE gone ADD counted :one");
            update
                .expression_attribute_values(":two", number(2))
                .expression_attribute_values(":one", number(1))
                .send()
                .await?;
            let item = table.get("a").await?.unwrap_or_default();
            let of = |name| {
                let value = item.get(name).and_then(|value| value.as_n().ok());
                value.map_or("none", String::as_str)
            };
            let gone = if item.contains_key("gone") {
                "there"
            } else {
                "none"
            };
            Ok(format!(
                "was {}, n {}, gone {gone}, count {}",
                of("was"),
                of("n"),
                of("counted")
            ))
        },
    )
    .await;
}

async fn batch(table: &Table, keys: Vec<Item>) -> Result<(Vec<Item>, usize), String> {
    let wanted = KeysAndAttributes::builder().consistent_read(true);
    let wanted = wanted.set_keys(Some(keys)).build();
    let wanted = wanted.map_err(|error| error.to_string())?;
    let get = table.client.batch_get_item();
    let answer = get.request_items(&table.name, wanted).send().await;
    let told = told(&answer);
    let output = answer.map_err(|_| told)?;
    let left = output.unprocessed_keys.unwrap_or_default().len();
    let items = output.responses.unwrap_or_default().into_values().flatten();
    Ok((items.collect(), left))
}

#[tokio::test]
async fn a_batch_reads_what_is_there() {
    let aws = "a b, 0 left; twice ValidationException, 101 keys ValidationException";
    at_each("a_batch_reads_what_is_there", aws, async |table| {
        for sort in ["a", "b"] {
            table.put(sort, [("n", number(1))]).send().await?;
        }
        let (items, left) = batch(table, ["a", "b", "missing"].map(key).into()).await?;
        let mut found = sort_keys(&items);
        found.sort_unstable();
        let refused = |answer: Result<_, String>| answer.err().unwrap_or("accepted".to_owned());
        let twice = refused(batch(table, ["a", "a"].map(key).into()).await);
        let many: Vec<Item> = (0..101).map(|at| key(&at.to_string())).collect();
        let many = refused(batch(table, many).await);
        Ok(format!(
            "{}, {left} left; twice {twice}, 101 keys {many}",
            found.join(" ")
        ))
    })
    .await;
}

#[tokio::test]
async fn empty_texts_are_kept_but_not_as_keys() {
    let aws = "kept, as key ValidationException";
    at_each("empty_texts_are_kept_but_not_as_keys", aws, async |table| {
        table.put("a", [("word", text(""))]).send().await?;
        let item = table.get("a").await?.unwrap_or_default();
        let kept = if item.get("word") == Some(&text("")) {
            "kept"
        } else {
            "not kept"
        };
        let as_key = told(&table.put("", []).send().await);
        Ok(format!("{kept}, as key {as_key}"))
    })
    .await;
}

#[tokio::test]
async fn keys_have_1024_and_2048_bytes_at_most() {
    let aws = "sort 1024 accepted, 1025 ValidationException; partition 2048 accepted, 2049 ValidationException";
    at_each(
        "keys_have_1024_and_2048_bytes_at_most",
        aws,
        async |table| {
            let put = async |pk: &str, sk: &str| {
                let item = [("pk", pk), ("sk", sk)].map(|(name, of)| (name.to_owned(), text(of)));
                let put = table.client.put_item().table_name(&table.name);
                told(&put.set_item(Some(HashMap::from(item))).send().await)
            };
            let x = |len| "x".repeat(len);
            let sorts = [
                put(PARTITION, &x(1024)).await,
                put(PARTITION, &x(1025)).await,
            ];
            let partitions = [put(&x(2048), "a").await, put(&x(2049), "a").await];
            Ok(format!(
                "sort 1024 {}, 1025 {}; partition 2048 {}, 2049 {}",
                sorts[0], sorts[1], partitions[0], partitions[1]
            ))
        },
    )
    .await;
}

/// The table's time to live is `expires_at`. The product asks for it, and counts on no deletion.
#[tokio::test]
async fn what_has_expired_may_still_be_read() {
    let aws = "expires_at ENABLED, still read, replaced";
    at_each("what_has_expired_may_still_be_read", aws, async |table| {
        let describe = table.client.describe_time_to_live().table_name(&table.name);
        let described = describe.send().await?;
        let ttl = described.time_to_live_description();
        let status = ttl.and_then(|ttl| ttl.time_to_live_status());
        let name = ttl
            .and_then(|ttl| ttl.attribute_name())
            .unwrap_or("nothing");
        let status = status.map_or("not told", |status| status.as_str());
        let expired = [("n", number(1)), ("expires_at", number(1_600_000_000))];
        table.put("a", expired).send().await?;
        let read = if table.n("a").await? == "1" {
            "still read"
        } else {
            "gone"
        };
        let put = table.put("a", [("n", number(2))]);
        let put = put
            .condition_expression("attribute_not_exists(pk) OR expires_at <= :now")
            .expression_attribute_values(":now", number(1_700_000_000));
        let replaced = match told(&put.send().await).as_str() {
            "accepted" => "replaced".to_owned(),
            other => other.to_owned(),
        };
        Ok(format!("{name} {status}, {read}, {replaced}"))
    })
    .await;
}
