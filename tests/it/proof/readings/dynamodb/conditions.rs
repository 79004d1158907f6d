//! Writes with a condition: the ledger's every step is one.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure as OnRefusal};

use super::{at_each, n_of, number, text};
use crate::proof::readings::told;

/// The item that came with a refusal.
macro_rules! refused_item {
    ($answer:expr, $error:ident) => {
        match $answer.as_ref().err().and_then(|e| e.as_service_error()) {
            Some($error::ConditionalCheckFailedException(refused)) => refused.item(),
            _ => None,
        }
    };
}

#[tokio::test]
async fn a_refused_put_changes_nothing() {
    let aws = "ConditionalCheckFailedException, old 1, now 1";
    at_each("a_refused_put_changes_nothing", aws, async |table| {
        table.put("a", [("n", number(1))]).send().await?;
        let put = table.put("a", [("n", number(2))]);
        let put = put
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", "pk")
            .return_values_on_condition_check_failure(OnRefusal::AllOld);
        let answer = put.send().await;
        let old = n_of(refused_item!(answer, PutItemError));
        let now = table.n("a").await?;
        Ok(format!("{}, old {old}, now {now}", told(&answer)))
    })
    .await;
}

#[tokio::test]
async fn a_refused_update_changes_nothing() {
    let aws = "ConditionalCheckFailedException, old 1, now 1";
    at_each("a_refused_update_changes_nothing", aws, async |table| {
        table.put("a", [("n", number(1))]).send().await?;
        let update = table.update("a", "SET n = :new");
        let update = update
            .condition_expression("n > :new")
            .expression_attribute_values(":new", number(2))
            .return_values_on_condition_check_failure(OnRefusal::AllOld);
        let answer = update.send().await;
        let old = n_of(refused_item!(answer, UpdateItemError));
        let now = table.n("a").await?;
        Ok(format!("{}, old {old}, now {now}", told(&answer)))
    })
    .await;
}

#[tokio::test]
async fn a_refused_delete_changes_nothing() {
    let aws = "ConditionalCheckFailedException, old 1, now 1; accepted, now none";
    at_each("a_refused_delete_changes_nothing", aws, async |table| {
        table.put("a", [("n", number(1))]).send().await?;
        let delete = |n| {
            table
                .delete("a")
                .condition_expression("n = :n")
                .expression_attribute_values(":n", number(n))
                .return_values_on_condition_check_failure(OnRefusal::AllOld)
        };
        let refused = delete(2).send().await;
        let old = n_of(refused_item!(refused, DeleteItemError));
        let refused = format!("{}, old {old}, now {}", told(&refused), table.n("a").await?);
        let deleted = told(&delete(1).send().await);
        Ok(format!("{refused}; {deleted}, now {}", table.n("a").await?))
    })
    .await;
}

#[tokio::test]
async fn a_refused_write_of_no_item_makes_none() {
    let aws = "ConditionalCheckFailedException, no item given, none made";
    at_each(
        "a_refused_write_of_no_item_makes_none",
        aws,
        async |table| {
            let update = table.update("a", "SET n = :new");
            let answer = update
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_values(":new", number(2))
                .return_values_on_condition_check_failure(OnRefusal::AllOld)
                .send()
                .await;
            let given = match refused_item!(answer, UpdateItemError) {
                Some(item) if !item.is_empty() => "an item given",
                _ => "no item given",
            };
            let made = match table.get("a").await? {
                Some(_) => "one made",
                None => "none made",
            };
            Ok(format!("{}, {given}, {made}", told(&answer)))
        },
    )
    .await;
}

#[tokio::test]
async fn a_refusal_gives_no_item_unless_asked() {
    let aws = "ConditionalCheckFailedException, old none";
    at_each("a_refusal_gives_no_item_unless_asked", aws, async |table| {
        table.put("a", [("n", number(1))]).send().await?;
        let put = table.put("a", [("n", number(2))]);
        let put = put.condition_expression("attribute_not_exists(pk)");
        let answer = put.send().await;
        let old = n_of(refused_item!(answer, PutItemError));
        Ok(format!("{}, old {old}", told(&answer)))
    })
    .await;
}

/// Conditions as the ledger writes them, of an item with `n` 5 and `word` "b".
#[tokio::test]
async fn conditions_mean_what_they_say() {
    let conditions = [
        "n < :six AND n >= :five",
        "word IN (:a, :b)",
        "attribute_type(n, :number) AND NOT attribute_type(word, :number)",
        "NOT attribute_type(gone, :number)",
        "attribute_not_exists(gone) OR gone < :six",
        "word <> :a",
        "gone <> :a",
        "size(word) < :five",
        // What is not there is not less, and another type is not more.
        "gone < :six",
        "word > :five",
        // AND before OR.
        "word = :a AND n = :six OR n = :five",
    ];
    let aws = "yes yes yes yes yes yes yes yes no no yes";
    at_each("conditions_mean_what_they_say", aws, async |table| {
        let item = [("n", number(5)), ("word", text("b"))];
        table.put("a", item).send().await?;
        let mut seen = Vec::new();
        let values = [
            (":five", number(5)),
            (":six", number(6)),
            (":a", text("a")),
            (":b", text("b")),
            (":number", text("N")),
        ];
        for condition in conditions {
            let mut update = table.update("a", "SET touched = :touched");
            update = update.expression_attribute_values(":touched", number(1));
            for (name, value) in values.iter().filter(|(name, _)| condition.contains(name)) {
                update = update.expression_attribute_values(*name, value.clone());
            }
            let answer = update.condition_expression(condition).send().await;
            seen.push(match told(&answer).as_str() {
                "accepted" => "yes".to_owned(),
                "ConditionalCheckFailedException" => "no".to_owned(),
                other => other.to_owned(),
            });
        }
        Ok(seen.join(" "))
    })
    .await;
}

#[tokio::test]
async fn a_write_gives_the_item_that_was_asked_for() {
    let aws = "new 2, old 2, nothing";
    at_each(
        "a_write_gives_the_item_that_was_asked_for",
        aws,
        async |table| {
            table.put("a", [("n", number(1))]).send().await?;
            let update = table.update("a", "SET n = :new");
            let update = update.expression_attribute_values(":new", number(2));
            let updated = update.return_values(ReturnValue::AllNew).send().await?;
            let delete = || table.delete("a").return_values(ReturnValue::AllOld);
            let deleted = delete().send().await?;
            let nothing = match delete().send().await?.attributes() {
                Some(item) if !item.is_empty() => "something",
                _ => "nothing",
            };
            let (new, old) = (n_of(updated.attributes()), n_of(deleted.attributes()));
            Ok(format!("new {new}, old {old}, {nothing}"))
        },
    )
    .await;
}

/// Without this strictness a server would not show that an expression of the product is refused by AWS.
#[tokio::test]
async fn an_expression_with_a_fault_is_refused() {
    let aws = "reserved word ValidationException, unused value ValidationException, unused name ValidationException";
    at_each(
        "an_expression_with_a_fault_is_refused",
        aws,
        async |table| {
            let reserved = table.update("a", "SET state = :new");
            let reserved = reserved.expression_attribute_values(":new", number(2));
            let sound = || {
                let update = table.update("a", "SET n = :new");
                update.expression_attribute_values(":new", number(2))
            };
            let unused_value = sound().expression_attribute_values(":other", number(2));
            let unused_name = sound().expression_attribute_names("#other", "other");
            Ok(format!(
                "reserved word {}, unused value {}, unused name {}",
                told(&reserved.send().await),
                told(&unused_value.send().await),
                told(&unused_name.send().await)
            ))
        },
    )
    .await;
}
