//! Whose document is read next: as many at once as there are processors, and long ones after short ones.
//!
//! One document may take a processor for a second. On a machine with two that is half of everything, so it waits until nobody else does;
//! but not for ever.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// From this length on, in bytes, a document is a long one: honest feeds are shorter, but for whole archives.
const LONG_MIN_BYTES: usize = 2 << 20;

/// Nobody else is at work if nobody came for so long.
const QUIET: Duration = Duration::from_millis(20);

/// Looks for quiet before a long document is read anyway: five seconds.
const LOOKS_MAX: u32 = 250;

/// The places at which documents are read.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    /// More than processors would only hold more documents in memory.
    places: Arc<Semaphore>,
    /// Of long documents that cannot wait any longer one at a time takes a place from the short ones.
    lane: Arc<Semaphore>,
    short: Arc<Short>,
    work: Sender<Work>,
}

/// What a reader does next.
type Work = Box<dyn FnOnce() + Send>;

/// Short documents that came, and that left.
#[derive(Debug, Default)]
struct Short {
    came: AtomicU64,
    left: AtomicU64,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    _place: Option<OwnedSemaphorePermit>,
    _lane: Option<OwnedSemaphorePermit>,
    short: Option<Arc<Short>>,
}

impl Readers {
    /// So many places.
    pub(super) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), lane: Arc::new(Semaphore::new(1)), short: Arc::default(), work: hire(places) }
    }

    /// Reads a document at its place: off the threads that serve sockets, and always on the same few. Each thread keeps memory of its
    /// own for the next document; on the runtime's, which take turns, that would be many times as much.
    ///
    /// # Errors
    /// What the reading panicked with.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        place: Place,
        reading: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Box<dyn Any + Send>> {
        let (tell, told) = oneshot::channel();
        let work: Work = Box::new(move || {
            let _place = place;
            // Nobody waits for the result of a poll that was given up.
            let _ = tell.send(catch_unwind(AssertUnwindSafe(reading)));
        });
        if let Err(unread) = self.work.send(work) {
            // No reader could be hired: the machine has no thread to spare but those that there are.
            tokio::task::spawn_blocking(unread.0);
        }
        told.await.unwrap_or_else(|_| Err(Box::new("a reader ended")))
    }

    /// Waits for a place to read a document of this length. The semaphores are never closed, so there is one in the end.
    pub(super) async fn enter(&self, bytes: usize) -> Place {
        if bytes < LONG_MIN_BYTES {
            self.short.came.fetch_add(1, Ordering::Relaxed);
            // Before the wait, so that one who gives up waiting leaves as well.
            let mut place = Place { _place: None, _lane: None, short: Some(Arc::clone(&self.short)) };
            place._place = Arc::clone(&self.places).acquire_owned().await.ok();
            return place;
        }
        let mut lane = None;
        if !self.quiet().await {
            lane = Arc::clone(&self.lane).acquire_owned().await.ok();
        }
        Place { _place: Arc::clone(&self.places).acquire_owned().await.ok(), _lane: lane, short: None }
    }

    /// Waits until no short document is there and none comes. Whether it came to that.
    async fn quiet(&self) -> bool {
        let mut before = None;
        for _ in 0..LOOKS_MAX {
            // In this order: one that comes in between counts as still here.
            let left = self.short.left.load(Ordering::Relaxed);
            let came = self.short.came.load(Ordering::Relaxed);
            if came == left && before == Some(came) {
                return true;
            }
            before = Some(came);
            tokio::time::sleep(QUIET).await;
        }
        false
    }
}

/// Starts so many readers; they end with the last one who gives them work.
fn hire(readers: usize) -> Sender<Work> {
    let (work, queue) = mpsc::channel::<Work>();
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..readers {
        let queue = Arc::clone(&queue);
        // One that cannot be started is one fewer.
        let _ = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
            while let Some(work) = next(&queue) {
                work();
            }
        });
    }
    work
}

fn next(queue: &Mutex<Receiver<Work>>) -> Option<Work> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(short) = &self.short {
            short.left.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const SHORT: usize = 1_000;
    const LONG: usize = 9 << 20;

    #[tokio::test(start_paused = true)]
    async fn a_long_document_waits_for_the_short_ones_and_takes_no_place_from_them() {
        let readers = Readers::new(2);
        let short = readers.enter(SHORT).await;
        let long = tokio::spawn({
            let readers = readers.clone();
            async move { readers.enter(LONG).await }
        });
        for _ in 0..20 {
            tokio::time::sleep(QUIET / 2).await;
            drop(readers.enter(SHORT).await);
        }
        assert!(!long.is_finished(), "one of the short ones is still there");
        assert_eq!(readers.places.available_permits(), 1);
        drop(short);
        let place = timeout(3 * QUIET, long).await;
        assert!(place.is_ok(), "nobody else is there");
    }

    #[tokio::test(start_paused = true)]
    async fn long_documents_wait_five_seconds_and_no_more_and_one_place_is_theirs() {
        let readers = Readers::new(2);
        let _short = readers.enter(SHORT).await;
        let began = Instant::now();
        let first = readers.enter(LONG).await;
        assert_eq!(began.elapsed(), QUIET * LOOKS_MAX);
        drop(first);
        let _again = readers.enter(LONG).await;
        assert!(timeout(Duration::from_secs(60), readers.enter(LONG)).await.is_err(), "the lane is one document wide");
    }

    #[tokio::test(start_paused = true)]
    async fn with_nobody_else_there_long_documents_share_the_places() {
        let readers = Readers::new(2);
        let both = async { (readers.enter(LONG).await, readers.enter(LONG).await) };
        assert!(timeout(Duration::from_secs(1), both).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_is_not_waited_for() {
        let readers = Readers::new(1);
        let held = readers.enter(SHORT).await;
        assert!(timeout(QUIET, readers.enter(SHORT)).await.is_err());
        drop(held);
        assert!(timeout(Duration::from_secs(1), readers.enter(LONG)).await.is_ok());
    }
}
