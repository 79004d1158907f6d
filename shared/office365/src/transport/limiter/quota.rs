//! A tenant's request quota: a token bucket with one queue per content type. The queues take turns, so that a backlog of
//! one type does not delay the others.
//!
//! Microsoft grants a tenant 2,000 requests a minute, large ones more, and no answer tells how many are left.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::names::ContentType;
use crate::transport::error::{Limited, LimitedBy};

/// How many requests a client makes for a tenant, of all operations. What several processes make together, a
/// [`crate::Budget`] bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Requests a minute, in the long run.
    pub requests_per_minute: u32,
    /// Requests that may go at once after a quiet time. A minute sees at most this and the rate above: by default 1,800 in
    /// all, below Microsoft's baseline of 2,000.
    pub burst: u32,
    /// Requests that may wait; further ones are refused at once.
    pub waiting_max: usize,
}

impl Default for QuotaLimits {
    fn default() -> Self {
        Self {
            requests_per_minute: 1200,
            burst: 600,
            waiting_max: 300,
        }
    }
}

impl QuotaLimits {
    /// Never waits: for tests, and for servers other than Microsoft's.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            requests_per_minute: u32::MAX,
            burst: u32::MAX,
            waiting_max: usize::MAX,
        }
    }
}

/// One queue for each content type, and one for requests without one.
const QUEUES: usize = ContentType::ALL.len() + 1;

/// The place of a content type's queue.
fn queue_of(content_type: Option<ContentType>) -> usize {
    content_type
        .and_then(|wanted| ContentType::ALL.iter().position(|known| *known == wanted))
        .unwrap_or(QUEUES - 1)
}

/// One tenant's token bucket and its queues.
#[derive(Debug)]
pub(super) struct Quota {
    limits: QuotaLimits,
    tokens: f64,
    filled_at: Instant,
    queues: [VecDeque<oneshot::Sender<()>>; QUEUES],
    /// The queue that was served last.
    turn: usize,
}

impl Quota {
    pub(super) fn new(limits: QuotaLimits, now: Instant) -> Self {
        Self {
            limits,
            tokens: f64::from(limits.burst),
            filled_at: now,
            queues: Default::default(),
            turn: 0,
        }
    }

    /// Queues a request. The receiver is told when it may go; one that is dropped costs no token.
    ///
    /// # Errors
    /// When too many wait already; with the time that those will take.
    pub(super) fn queue(
        &mut self,
        content_type: Option<ContentType>,
    ) -> Result<oneshot::Receiver<()>, Limited> {
        let waiting = self.waiting();
        if waiting >= self.limits.waiting_max {
            return Err(Limited {
                wait: Duration::from_secs_f64(waiting as f64 / self.per_second()),
                why: LimitedBy::Queue,
            });
        }
        let (sender, receiver) = oneshot::channel();
        self.queues[queue_of(content_type)].push_back(sender);
        Ok(receiver)
    }

    /// Lets as many requests go as there are tokens. Returns the time until the next token if requests still wait.
    pub(super) fn advance(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second()).min(f64::from(self.limits.burst));
        self.filled_at = now;
        while self.tokens >= 1.0 {
            let sender = self.next_in_turn()?;
            // Fails when the receiver was dropped.
            if sender.send(()).is_ok() {
                self.tokens -= 1.0;
            }
        }
        (self.waiting() > 0)
            .then(|| Duration::from_secs_f64((1.0 - self.tokens) / self.per_second()))
    }

    fn next_in_turn(&mut self) -> Option<oneshot::Sender<()>> {
        for _ in 0..QUEUES {
            self.turn = (self.turn + 1) % QUEUES;
            if let Some(sender) = self.queues[self.turn].pop_front() {
                return Some(sender);
            }
        }
        None
    }

    fn waiting(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }

    fn per_second(&self) -> f64 {
        f64::from(self.limits.requests_per_minute.max(1)) / 60.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests_per_minute: u32, burst: u32) -> QuotaLimits {
        QuotaLimits {
            requests_per_minute,
            burst,
            waiting_max: 1000,
        }
    }

    /// How many of the requests were let go since the last look.
    fn let_go(receivers: &mut [oneshot::Receiver<()>]) -> usize {
        receivers
            .iter_mut()
            .map(oneshot::Receiver::try_recv)
            .filter(Result::is_ok)
            .count()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut quota = Quota::new(limits(60, 3), start);
        let mut waiting: Vec<_> = (0..10).map(|_| quota.queue(None).unwrap()).collect();
        assert_eq!(quota.advance(start), Some(Duration::from_secs(1)));
        assert_eq!(let_go(&mut waiting), 3);
        quota.advance(start + Duration::from_secs(2));
        assert_eq!(let_go(&mut waiting), 2);
        assert_eq!(
            quota.advance(start + Duration::from_secs(3600)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(let_go(&mut waiting), 3, "no more than a burst is saved up");
    }

    #[test]
    fn a_backlog_of_one_type_does_not_delay_another() {
        let start = Instant::now();
        let mut quota = Quota::new(limits(60, 1), start);
        let busy = Some(ContentType::AuditGeneral);
        let quiet = Some(ContentType::AuditExchange);
        let mut backlog: Vec<_> = (0..100).map(|_| quota.queue(busy).unwrap()).collect();
        quota.advance(start);
        let mut late = [quota.queue(quiet).unwrap()];
        quota.advance(start + Duration::from_secs(1));
        quota.advance(start + Duration::from_secs(2));
        assert_eq!(let_go(&mut late), 1, "two tokens, two types");
        assert_eq!(let_go(&mut backlog), 2);
    }

    #[test]
    fn a_request_that_gave_up_costs_no_token() {
        let start = Instant::now();
        let mut quota = Quota::new(limits(60, 1), start);
        drop(quota.queue(None).unwrap());
        let mut next = [quota.queue(None).unwrap()];
        quota.advance(start);
        assert_eq!(let_go(&mut next), 1);
    }

    #[test]
    fn a_full_queue_refuses_with_the_time_to_wait() {
        let start = Instant::now();
        let mut quota = Quota::new(
            QuotaLimits {
                waiting_max: 2,
                ..limits(60, 1)
            },
            start,
        );
        let _waiting = [
            quota.queue(Some(ContentType::AuditGeneral)).unwrap(),
            quota.queue(Some(ContentType::AuditExchange)).unwrap(),
        ];
        assert_eq!(quota.queue(None).unwrap_err().wait, Duration::from_secs(2));
    }

    #[test]
    fn without_limits_nobody_waits() {
        let start = Instant::now();
        let mut quota = Quota::new(QuotaLimits::unlimited(), start);
        let mut waiting: Vec<_> = (0..1000).map(|_| quota.queue(None).unwrap()).collect();
        assert_eq!(quota.advance(start), None);
        assert_eq!(let_go(&mut waiting), 1000);
    }
}
