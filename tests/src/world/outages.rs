//! What happens to the queue besides work.

use super::World;
use crate::Outcome;

impl World {
    /// Deletes all messages in the queue, as an outage longer than its retention would.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn empty_the_queue(&self) -> Outcome<()> {
        self.backends
            .sqs
            .purge_queue()
            .queue_url(&self.backends.queue_url)
            .send()
            .await?;
        Ok(())
    }

    /// Puts a text into the queue that is not one of our messages.
    ///
    /// # Errors
    /// SQS does not answer.
    pub async fn put_into_the_queue(&self, body: &str) -> Outcome<()> {
        self.backends
            .sqs
            .send_message()
            .queue_url(&self.backends.queue_url)
            .message_body(body)
            .send()
            .await?;
        Ok(())
    }
}
