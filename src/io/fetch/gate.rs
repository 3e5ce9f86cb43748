//! Manners towards hosts: one request at a time, a pause between two, and so many in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::FetchPolicy;

/// Below this many hosts nobody looks for forgotten ones.
const HOSTS_MIN: usize = 256;

/// Lets requests through one at a time for each host, in the order of asking, and at most so many in all. Waiting for a host takes no
/// place from the others, so a thousand sources on one host hold nobody up.
#[derive(Clone, Debug)]
pub struct HostGate {
    gap: Duration,
    all: Arc<Semaphore>,
    hosts: Arc<Mutex<Hosts>>,
}

#[derive(Debug)]
struct Hosts {
    turns: HashMap<String, Turn>,
    /// Size at which the next search for forgotten hosts is due.
    sweep_at: usize,
}

/// When the last request to a host ended. Whoever holds the lock has the host for itself; the lock is fair.
type Turn = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// The right to make one request; dropped when the answer is in.
#[derive(Debug)]
pub struct Pass {
    turn: Option<OwnedMutexGuard<Option<Instant>>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl HostGate {
    /// A gate for `policy.concurrency` requests at once and `policy.host_gap` between two to one host. A gap of zero also lets requests
    /// to one host run side by side, for a test bench or an intranet.
    pub fn new(policy: &FetchPolicy) -> Self {
        Self {
            gap: policy.host_gap,
            all: Arc::new(Semaphore::new(policy.concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            hosts: Arc::new(Mutex::new(Hosts { turns: HashMap::new(), sweep_at: HOSTS_MIN })),
        }
    }

    /// Waits until a request to `host` may start.
    pub async fn enter(&self, host: &str) -> Pass {
        let turn = match self.gap.is_zero() {
            true => None,
            false => {
                let turn = self.turn(host).lock_owned().await;
                if let Some(last) = *turn {
                    tokio::time::sleep_until(last + self.gap).await;
                }
                Some(turn)
            }
        };
        // Never closed, so there is always a place in the end.
        Pass { turn, _place: self.all.clone().acquire_owned().await.ok() }
    }

    fn turn(&self, host: &str) -> Turn {
        // A poisoned lock guards a map that is whole: nothing in here panics half way through a change.
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = hosts.turns.get(host) {
            return turn.clone();
        }
        if hosts.turns.len() >= hosts.sweep_at {
            let now = Instant::now();
            // Held or awaited by nobody, and its pause is over: a new entry would behave the same.
            hosts.turns.retain(|_, turn| {
                let resting = turn.try_lock().map_or(true, |last| last.is_some_and(|last| last + self.gap > now));
                Arc::strong_count(turn) > 1 || resting
            });
            hosts.sweep_at = (hosts.turns.len() * 2).max(HOSTS_MIN);
        }
        let turn = Turn::default();
        hosts.turns.insert(host.to_owned(), turn.clone());
        turn
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(turn) = &mut self.turn {
            **turn = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    fn gate(concurrency: usize, host_gap: Duration) -> HostGate {
        HostGate::new(&FetchPolicy { concurrency, host_gap, ..super::super::tests::policy(&[]) })
    }

    const LONG: Duration = Duration::from_secs(60);

    /// How many held a pass at once, over `hosts` requested together.
    async fn peak(gate: &HostGate, hosts: &[String]) -> usize {
        let (inside, peak) = (AtomicUsize::new(0), AtomicUsize::new(0));
        join_all(hosts.iter().map(|host| async {
            let _pass = gate.enter(host).await;
            peak.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            inside.fetch_sub(1, Ordering::SeqCst);
        }))
        .await;
        peak.into_inner()
    }

    #[tokio::test]
    async fn one_host_gets_one_request_at_a_time_with_pauses() {
        let gate = gate(8, Duration::from_millis(20));
        let start = Instant::now();
        assert_eq!(peak(&gate, &vec!["a".to_owned(); 4]).await, 1);
        assert!(start.elapsed() >= Duration::from_millis(60));
    }

    #[tokio::test]
    async fn different_hosts_share_only_the_number_of_places() {
        let hosts: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert_eq!(peak(&gate(5, LONG), &hosts).await, 5);
    }

    #[tokio::test]
    async fn a_gap_of_zero_lets_one_host_run_at_full_width() {
        assert_eq!(peak(&gate(5, Duration::ZERO), &vec!["a".to_owned(); 20]).await, 5);
    }

    #[tokio::test]
    async fn a_queue_at_one_host_does_not_hold_up_another() {
        let gate = gate(1, LONG);
        drop(gate.enter("busy").await);
        let waiting = gate.enter("busy");
        let other = gate.enter("quiet");
        let (waiting, other) = (std::pin::pin!(waiting), std::pin::pin!(other));
        assert!(matches!(futures_util::future::select(waiting, other).await, futures_util::future::Either::Right(_)));
    }

    #[tokio::test]
    async fn hosts_that_rest_are_forgotten_and_waiting_ones_are_not() {
        let gate = gate(8, Duration::from_nanos(1));
        let held = gate.enter("held").await;
        for n in 0..10 * HOSTS_MIN {
            drop(gate.enter(&n.to_string()).await);
        }
        let hosts = gate.hosts.lock().unwrap();
        assert!(hosts.turns.contains_key("held"));
        assert!(hosts.turns.len() <= HOSTS_MIN + 1, "{}", hosts.turns.len());
        drop(hosts);
        drop(held);
    }
}
