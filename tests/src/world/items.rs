//! Items of the ledger as they lie in the table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use local::backends::TABLE;

use super::World;
use crate::Outcome;

impl World {
    /// The attributes of a blob's ledger item, with texts and numbers as text; none if there is no such item.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn blob(&self, content_id: &str) -> Outcome<HashMap<String, String>> {
        let scanned = self
            .backends
            .dynamodb
            .scan()
            .table_name(TABLE)
            .filter_expression("sk = :content_id AND begins_with(pk, :blobs)")
            .expression_attribute_values(":content_id", AttributeValue::S(content_id.to_owned()))
            .expression_attribute_values(
                ":blobs",
                AttributeValue::S(format!("blobs#{}#", self.tenant())),
            )
            .send()
            .await?;
        let item = scanned.items.unwrap_or_default().into_iter().next();
        let item = item.unwrap_or_default().into_iter();
        Ok(item
            .filter_map(|(name, value)| match value {
                AttributeValue::S(text) | AttributeValue::N(text) => Some((name, text)),
                _ => None,
            })
            .collect())
    }

    /// Writes an item of texts into the ledger, over the one that is there: what the pipeline never writes.
    ///
    /// # Errors
    /// DynamoDB does not answer.
    pub async fn put_item(&self, attributes: &[(&str, &str)]) -> Outcome<()> {
        let text = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), AttributeValue::S((*value).to_owned()))
        };
        self.backends
            .dynamodb
            .put_item()
            .table_name(TABLE)
            .set_item(Some(attributes.iter().map(text).collect()))
            .send()
            .await?;
        Ok(())
    }
}
