//! One tenant's share of requests: a token bucket whose tokens go round the content types.
//!
//! Microsoft grants 2,000 requests a minute to a tenant, more to large ones, and says nothing until it refuses. A backlog
//! of one type must not keep the others waiting, so the types take turns.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::ContentType;

/// How many requests a tenant gets from this process. Several processes each have a quota of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Requests a minute, in the long run.
    pub requests_per_minute: u32,
    /// Requests that may follow each other at once after a quiet time. In any minute at most this and the above go out:
    /// together they stay below Microsoft's baseline of 2,000.
    pub burst: u32,
    /// Requests that may wait; more are refused at once with the time to wait.
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
    /// No brake: for tests, and for servers of one's own.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            requests_per_minute: u32::MAX,
            burst: u32::MAX,
            waiting_max: usize::MAX,
        }
    }
}

/// One lane for each content type, and one for what belongs to none.
pub(crate) const LANES: usize = ContentType::ALL.len() + 1;

/// Where a request queues.
pub(crate) fn lane(content_type: Option<ContentType>) -> usize {
    content_type
        .and_then(|wanted| ContentType::ALL.iter().position(|known| *known == wanted))
        .unwrap_or(LANES - 1)
}

/// The bucket and its queues.
#[derive(Debug)]
pub(crate) struct Quota {
    limits: QuotaLimits,
    tokens: f64,
    filled_at: Instant,
    lanes: [VecDeque<oneshot::Sender<()>>; LANES],
    /// The lane whose turn it is.
    turn: usize,
}

impl Quota {
    pub(crate) fn new(limits: QuotaLimits, now: Instant) -> Self {
        Self {
            limits,
            tokens: f64::from(limits.burst),
            filled_at: now,
            lanes: Default::default(),
            turn: 0,
        }
    }

    /// Queues a request. The receiver hears when it may go; to be dropped by whoever gives up.
    ///
    /// # Errors
    /// The time after which it is worth trying again, when too many wait already.
    pub(crate) fn queue(&mut self, lane: usize) -> Result<oneshot::Receiver<()>, Duration> {
        let waiting = self.waiting();
        if waiting >= self.limits.waiting_max {
            return Err(Duration::from_secs_f64(waiting as f64 / self.per_second()));
        }
        let (sender, receiver) = oneshot::channel();
        self.lanes[lane].push_back(sender);
        Ok(receiver)
    }

    /// Lets go as many as there are tokens, the lanes taking turns; gives the time until the next token if some still wait.
    pub(crate) fn advance(&mut self, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second()).min(f64::from(self.limits.burst));
        self.filled_at = now;
        while self.tokens >= 1.0 {
            let sender = self.next_in_turn()?;
            // One who has given up costs nothing.
            if sender.send(()).is_ok() {
                self.tokens -= 1.0;
            }
        }
        (self.waiting() > 0)
            .then(|| Duration::from_secs_f64((1.0 - self.tokens) / self.per_second()))
    }

    fn next_in_turn(&mut self) -> Option<oneshot::Sender<()>> {
        for _ in 0..LANES {
            self.turn = (self.turn + 1) % LANES;
            if let Some(sender) = self.lanes[self.turn].pop_front() {
                return Some(sender);
            }
        }
        None
    }

    fn waiting(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
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

    fn gone(receivers: &mut [oneshot::Receiver<()>]) -> usize {
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
        let mut waiting: Vec<_> = (0..10).map(|_| quota.queue(0).unwrap()).collect();
        assert_eq!(quota.advance(start), Some(Duration::from_secs(1)));
        assert_eq!(gone(&mut waiting), 3);
        quota.advance(start + Duration::from_secs(2));
        assert_eq!(gone(&mut waiting), 2);
        assert_eq!(
            quota.advance(start + Duration::from_secs(3600)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(gone(&mut waiting), 3, "no more than a burst is saved up");
    }

    #[test]
    fn a_backlog_of_one_type_does_not_keep_another_waiting() {
        let start = Instant::now();
        let mut quota = Quota::new(limits(60, 1), start);
        let busy = lane(Some(ContentType::AuditGeneral));
        let quiet = lane(Some(ContentType::AuditExchange));
        let mut backlog: Vec<_> = (0..100).map(|_| quota.queue(busy).unwrap()).collect();
        quota.advance(start);
        let mut late = [quota.queue(quiet).unwrap()];
        quota.advance(start + Duration::from_secs(1));
        quota.advance(start + Duration::from_secs(2));
        assert_eq!(gone(&mut late), 1, "two tokens, two types");
        assert_eq!(gone(&mut backlog), 2);
    }

    #[test]
    fn who_gives_up_costs_no_token() {
        let start = Instant::now();
        let mut quota = Quota::new(limits(60, 1), start);
        drop(quota.queue(0).unwrap());
        let mut next = [quota.queue(0).unwrap()];
        quota.advance(start);
        assert_eq!(gone(&mut next), 1);
    }

    #[test]
    fn a_full_queue_says_how_long_it_is() {
        let start = Instant::now();
        let mut quota = Quota::new(
            QuotaLimits {
                waiting_max: 2,
                ..limits(60, 1)
            },
            start,
        );
        let _waiting = [quota.queue(0).unwrap(), quota.queue(1).unwrap()];
        assert_eq!(quota.queue(2).unwrap_err(), Duration::from_secs(2));
    }

    #[test]
    fn without_limits_nobody_waits() {
        let start = Instant::now();
        let mut quota = Quota::new(QuotaLimits::unlimited(), start);
        let mut waiting: Vec<_> = (0..1000).map(|_| quota.queue(0).unwrap()).collect();
        assert_eq!(quota.advance(start), None);
        assert_eq!(gone(&mut waiting), 1000);
    }
}
