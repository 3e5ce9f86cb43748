//! Manners towards hosts: one request at a time, a pause between two, and so many in all.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::{Budgets, FetchPolicy};

/// Least pause between two requests to a host that ever answered 429 (F12).
const SLOW_GAP: Duration = Duration::from_secs(2);

/// Most hosts remembered for a 429: redirects could name any number of them.
const SLOW_MAX: usize = 10_000;

/// Below this many hosts nobody looks for forgotten ones.
const HOSTS_MIN: usize = 256;

/// Lets requests through one at a time for each host, in the order of asking, and at most so many in all. Waiting for a host takes no
/// place from the others, so a thousand sources on one host hold nobody up.
#[derive(Clone, Debug)]
pub struct HostGate {
    gap: Duration,
    all: Arc<Semaphore>,
    budgets: Arc<Budgets>,
    hosts: Arc<Mutex<Hosts>>,
}

#[derive(Debug)]
struct Hosts {
    turns: HashMap<String, Turn>,
    /// Those that ever answered 429.
    slow: HashSet<String>,
    /// Size at which the next search for forgotten hosts is due.
    sweep_at: usize,
}

/// When the last request to a host ended. Whoever holds the lock has the host for itself; the lock is fair.
type Turn = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// The right to make one request; dropped when the answer is in.
#[derive(Debug)]
pub struct Pass {
    gate: HostGate,
    budget: String,
    turn: Option<OwnedMutexGuard<Option<Instant>>>,
    place: Option<OwnedSemaphorePermit>,
}

impl HostGate {
    /// A gate for `policy.concurrency` requests at once and `policy.host_gap` between two to one host. A gap of zero also lets requests
    /// to one host run side by side, for a test bench or an intranet. `budgets` says which hosts count as one; `slow` names hosts that once
    /// answered 429.
    pub fn new(policy: &FetchPolicy, budgets: Arc<Budgets>, slow: impl IntoIterator<Item = String>) -> Self {
        let slow = slow.into_iter().map(|host| budgets.name(&host).into_owned()).collect();
        Self {
            gap: policy.host_gap,
            all: Arc::new(Semaphore::new(policy.concurrency.clamp(1, Semaphore::MAX_PERMITS))),
            budgets,
            hosts: Arc::new(Mutex::new(Hosts { turns: HashMap::new(), slow, sweep_at: HOSTS_MIN })),
        }
    }

    /// Waits until a request to `host` may start.
    pub async fn enter(&self, host: &str) -> Pass {
        let budget = self.budget(host);
        let turn = match self.gap.is_zero() {
            true => None,
            false => {
                let turn = self.turn(&budget).lock_owned().await;
                if let Some(last) = *turn {
                    tokio::time::sleep_until(last + self.gap(&budget)).await;
                }
                Some(turn)
            }
        };
        // Never closed, so there is always a place in the end.
        Pass { turn, place: self.all.clone().acquire_owned().await.ok(), gate: self.clone(), budget }
    }

    /// What a host's requests are counted under.
    fn budget(&self, host: &str) -> String {
        self.budgets.name(host).into_owned()
    }

    fn gap(&self, budget: &str) -> Duration {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.slow.contains(budget) { self.gap.max(SLOW_GAP) } else { self.gap }
    }

    fn turn(&self, host: &str) -> Turn {
        // A poisoned lock guards a map that is whole: nothing in here panics half way through a change.
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = hosts.turns.get(host) {
            return turn.clone();
        }
        if hosts.turns.len() >= hosts.sweep_at {
            let now = Instant::now();
            let Hosts { turns, slow, .. } = &mut *hosts;
            // Held or awaited by nobody, and its pause is over: a new entry would behave the same.
            turns.retain(|host, turn| {
                let gap = if slow.contains(host) { self.gap.max(SLOW_GAP) } else { self.gap };
                let resting = turn.try_lock().map_or(true, |last| last.is_some_and(|last| last + gap > now));
                Arc::strong_count(turn) > 1 || resting
            });
            hosts.sweep_at = (hosts.turns.len() * 2).max(HOSTS_MIN);
        }
        let turn = Turn::default();
        hosts.turns.insert(host.to_owned(), turn.clone());
        turn
    }
}

impl Pass {
    /// Waits until one more request of the same poll may start, at `host`: a redirect's next hop keeps to the host's pace as any other
    /// request does. For another host it queues up anew and gives back what it has, so that hosts that redirect to each other cannot
    /// wait for each other for ever, and those that wait take nobody's place.
    pub async fn next(&mut self, host: &str) {
        if self.gate.budget(host) != self.budget {
            let gate = self.gate.clone();
            self.leave();
            *self = gate.enter(host).await;
        } else if self.turn.is_some() {
            tokio::time::sleep(self.gate.gap(&self.budget)).await;
        }
    }

    fn leave(&mut self) {
        if let Some(mut turn) = self.turn.take() {
            *turn = Some(Instant::now());
        }
        self.place = None;
    }

    /// The host answered 429: from now on it gets at least two seconds between requests, unless the pace is switched off.
    pub fn slow_down(&self) {
        let mut hosts = self.gate.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.slow.len() < SLOW_MAX {
            hosts.slow.insert(self.budget.clone());
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    fn gate(concurrency: usize, host_gap: Duration) -> HostGate {
        grouped(concurrency, host_gap, &[])
    }

    fn grouped(concurrency: usize, host_gap: Duration, groups: &[(&str, &str)]) -> HostGate {
        let budgets = Arc::new(Budgets::new(groups.iter().map(|(host, group)| ((*host).to_owned(), (*group).to_owned()))));
        HostGate::new(&FetchPolicy { concurrency, host_gap, ..super::super::tests::policy(&[]) }, budgets, [])
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

    /// When each of `hosts`, requested together, got its pass, in milliseconds of a clock that is held.
    async fn starts(gate: &HostGate, hosts: &[&str], request: Duration) -> Vec<(String, u128)> {
        let begin = Instant::now();
        let mut starts = join_all(hosts.iter().map(|host| async move {
            let _pass = gate.enter(host).await;
            let at = begin.elapsed().as_millis();
            tokio::time::sleep(request).await;
            ((*host).to_owned(), at)
        }))
        .await;
        starts.sort_by_key(|(_, at)| *at);
        starts
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_sources_on_one_host_starve_no_other() {
        let mut hosts = vec!["busy"; 1_000];
        let others: Vec<String> = (0..50).map(|n| format!("other-{n}")).collect();
        hosts.extend(others.iter().map(String::as_str));
        let starts = starts(&gate(8, Duration::from_secs(1)), &hosts, Duration::from_millis(100)).await;
        let last = |prefix: &str| starts.iter().filter(|(host, _)| host.starts_with(prefix)).map(|(_, at)| *at).max().unwrap();
        // 50 others in 7 places beside the busy host: 8 rounds of 100 ms, and not a thousand seconds.
        assert!(last("other") <= 800, "{}", last("other"));
        assert!(last("busy") >= 999 * 1_000, "{}", last("busy"));
        let busy: Vec<u128> = starts.iter().filter(|(host, _)| host == "busy").map(|(_, at)| *at).collect();
        assert!(busy.windows(2).all(|pair| pair[1] - pair[0] >= 1_000), "a request came before the pause was over");
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_of_one_group_share_one_pace() {
        let gate = grouped(8, Duration::from_secs(1), &[("a", "g"), ("b", "g")]);
        let starts = starts(&gate, &["a", "b", "c"], Duration::ZERO).await;
        let at = |host: &str| starts.iter().find(|(name, _)| name == host).unwrap().1;
        assert_eq!((at("a"), at("b"), at("c")), (0, 1_000, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_said_429_gets_two_seconds() {
        let gate = gate(8, Duration::from_millis(10));
        gate.enter("a").await.slow_down();
        let times: Vec<u128> = starts(&gate, &["a", "a", "b", "b"], Duration::ZERO).await.into_iter().map(|(_, at)| at).collect();
        assert_eq!(times, [0, 10, 2_000, 4_000]);
        let known =
            HostGate::new(&FetchPolicy { host_gap: Duration::from_millis(10), ..FetchPolicy::default() }, Arc::default(), ["a".to_owned()]);
        assert_eq!(known.gap("a"), SLOW_GAP);
    }

    #[tokio::test(start_paused = true)]
    async fn hops_keep_to_the_pace_and_never_lock_each_other_out() {
        let gate = gate(8, Duration::from_secs(1));
        let begin = Instant::now();
        let hop = async |from: &str, to: &str| {
            let mut pass = gate.enter(from).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
            pass.next(to).await;
            begin.elapsed().as_millis()
        };
        // Two hosts that redirect to each other, and one that redirects to itself.
        let (there, back, same) = tokio::join!(hop("a", "b"), hop("b", "a"), hop("c", "c"));
        assert_eq!((there, back, same), (1_100, 1_100, 1_100));
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
