//! Several items written together, or none of them.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem, Update};
use tests::Outcome;

use super::{Table, at_each, key, number};
use crate::proof::readings::told;

fn put(table: &Table, sort: &str, n: i64) -> Outcome<TransactWriteItem> {
    let mut item = key(sort);
    item.insert("n".to_owned(), number(n));
    let put = Put::builder().table_name(&table.name).set_item(Some(item));
    Ok(TransactWriteItem::builder().put(put.build()?).build())
}

fn check(table: &Table, sort: &str, condition: &str) -> Outcome<TransactWriteItem> {
    let check = ConditionCheck::builder()
        .table_name(&table.name)
        .set_key(Some(key(sort)))
        .condition_expression(condition);
    let check = check.build()?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

fn add_one(table: &Table, sort: &str) -> Outcome<TransactWriteItem> {
    let update = Update::builder()
        .table_name(&table.name)
        .set_key(Some(key(sort)))
        .update_expression("ADD n :one")
        .expression_attribute_values(":one", number(1));
    Ok(TransactWriteItem::builder().update(update.build()?).build())
}

async fn transact(
    table: &Table,
    items: impl IntoIterator<Item = TransactWriteItem>,
    token: &str,
) -> Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>> {
    let transaction = table.client.transact_write_items();
    let items = items.into_iter().collect();
    let transaction = transaction.set_transact_items(Some(items));
    transaction.client_request_token(token).send().await
}

/// The reasons of a cancelled transaction, in the order of its items.
fn reasons(answer: &Result<TransactWriteItemsOutput, SdkError<TransactWriteItemsError>>) -> String {
    let error = answer.as_ref().err().and_then(|e| e.as_service_error());
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error else {
        return told(answer);
    };
    let codes = cancelled.cancellation_reasons().iter();
    let codes: Vec<&str> = codes.map(|of| of.code().unwrap_or("no code")).collect();
    format!("cancelled: {}", codes.join(" "))
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let aws = "cancelled: None ConditionalCheckFailed None, now none none; accepted, now 1 3";
    at_each("a_transaction_is_all_or_nothing", aws, async |table| {
        let items = |condition| {
            let check = check(table, "b", condition)?;
            Outcome::Ok([put(table, "a", 1)?, check, put(table, "c", 3)?])
        };
        let now = async || Outcome::Ok(format!("{} {}", table.n("a").await?, table.n("c").await?));
        let refused = transact(table, items("attribute_exists(pk)")?, "first").await;
        let refused = format!("{}, now {}", reasons(&refused), now().await?);
        let written = transact(table, items("attribute_not_exists(pk)")?, "second").await;
        Ok(format!(
            "{refused}; {}, now {}",
            reasons(&written),
            now().await?
        ))
    })
    .await;
}

/// The SDK gives each transaction a token, and repeats one whose answer was lost.
#[tokio::test]
async fn a_repeated_transaction_takes_effect_once() {
    let aws = "accepted accepted, now 1";
    at_each(
        "a_repeated_transaction_takes_effect_once",
        aws,
        async |table| {
            let first = transact(table, [add_one(table, "a")?], "one-token").await;
            let again = transact(table, [add_one(table, "a")?], "one-token").await;
            let now = table.n("a").await?;
            Ok(format!(
                "{} {}, now {now}",
                reasons(&first),
                reasons(&again)
            ))
        },
    )
    .await;
}

#[tokio::test]
async fn a_transaction_names_an_item_once() {
    let aws = "ValidationException, now none";
    at_each("a_transaction_names_an_item_once", aws, async |table| {
        let twice = [put(table, "a", 1)?, add_one(table, "a")?];
        let answer = transact(table, twice, "twice").await;
        Ok(format!("{}, now {}", reasons(&answer), table.n("a").await?))
    })
    .await;
}
