//! What ualstream asks of DynamoDB.

mod conditions;
mod items;
mod queries;
mod transactions;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use tests::Outcome;

use super::{compare, servers};

type Item = HashMap<String, AttributeValue>;

/// The partition of a test's items.
const PARTITION: &str = "p";

/// A table of the ledger's schema, of one test at one server.
struct Table {
    client: Client,
    name: String,
}

/// Tries a promise at each server.
async fn at_each(promise: &str, aws: &str, body: impl AsyncFn(&Table) -> Outcome<String>) {
    let mut seen = Vec::new();
    for (reading, client) in servers::dynamodb().await.unwrap() {
        let name = promise.to_owned();
        pipeline::ledger::create_table(&client, &name)
            .await
            .unwrap();
        seen.push((reading, body(&Table { client, name }).await));
    }
    compare(promise, aws, seen);
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn bytes(len: usize) -> AttributeValue {
    AttributeValue::B(vec![7; len].into())
}

fn key(sort: &str) -> Item {
    let [pk, sk] =
        [("pk", PARTITION), ("sk", sort)].map(|(of, value)| (of.to_owned(), text(value)));
    HashMap::from([pk, sk])
}

/// The number `n` of an item, or `none`.
fn n_of(item: Option<&Item>) -> String {
    let n = item.and_then(|item| item.get("n")?.as_n().ok());
    n.cloned().unwrap_or_else(|| "none".to_owned())
}

/// The sort keys of items.
fn sort_keys(items: &[Item]) -> Vec<&str> {
    let of = |item| Item::get(item, "sk").and_then(|sk| sk.as_s().ok());
    items.iter().filter_map(of).map(String::as_str).collect()
}

impl Table {
    fn put<const N: usize>(
        &self,
        sort: &str,
        attributes: [(&str, AttributeValue); N],
    ) -> PutItemFluentBuilder {
        let mut item = key(sort);
        item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        let put = self.client.put_item().table_name(&self.name);
        put.set_item(Some(item))
    }

    fn update(&self, sort: &str, expression: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.name);
        update
            .set_key(Some(key(sort)))
            .update_expression(expression)
    }

    fn delete(&self, sort: &str) -> DeleteItemFluentBuilder {
        let delete = self.client.delete_item().table_name(&self.name);
        delete.set_key(Some(key(sort)))
    }

    /// A consistent read.
    async fn get(&self, sort: &str) -> Outcome<Option<Item>> {
        let get = self.client.get_item().table_name(&self.name);
        let get = get.set_key(Some(key(sort))).consistent_read(true);
        Ok(get.send().await?.item)
    }

    /// The number `n` of the item that is there, or `none`.
    async fn n(&self, sort: &str) -> Outcome<String> {
        Ok(n_of(self.get(sort).await?.as_ref()))
    }

    /// A query of the partition, to which `and` adds a condition.
    fn query(&self, and: &str) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&self.name);
        query
            .consistent_read(true)
            .key_condition_expression(format!("pk = :pk{and}"))
            .expression_attribute_values(":pk", text(PARTITION))
    }
}
