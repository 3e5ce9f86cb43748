//! The running service's configuration as editors steer it: one at a time, and in the feeds before anybody is told that it is done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::config::overrides::Overrides;
use crate::edit::{self, EditError, Word};
use crate::ingest::history::Applied;
use crate::ingest::{Ingest, IngestError};
use crate::io::clock::Clock;
use crate::publisher::{self, PublishError, Scope};
use crate::read_back::{ReadBack, ReadBackError, read_back};
use crate::store::StoredRecord;

/// Editors' files are looked at this often, or so seldom that it takes a hundredth of the time.
const LOOK_GAP: Duration = Duration::from_secs(10);
const LOOK_SHARE: u32 = 100;

/// Why something did not take effect.
#[derive(Debug, thiserror::Error)]
pub enum SteerError {
    /// `overrides.toml`.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The store.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// It is decided, and will be published with the next publication that succeeds.
    #[error("{0}; it is decided, and published when that is mended")]
    Publish(#[from] PublishError),
    /// Editors' files.
    #[error(transparent)]
    ReadBack(#[from] ReadBackError),
}

/// Steers the service. Clones steer the same.
#[derive(Clone)]
pub struct Helm {
    current: watch::Sender<Ingest>,
    /// One decision at a time: each is made on what the last one left.
    deciding: Arc<Mutex<()>>,
    clock: Clock,
}

impl Helm {
    /// Steers a service that begins with this configuration.
    #[must_use]
    pub fn new(ingest: Ingest, clock: Clock) -> Self {
        Self { current: watch::Sender::new(ingest), deciding: Arc::default(), clock }
    }

    /// Tells the service of every change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Ingest> {
        self.current.subscribe()
    }

    /// What the service polls by now, with the feeds that its lists name by now.
    #[must_use]
    pub fn ingest(&self) -> Ingest {
        let current = self.current.borrow().clone();
        // A store that fails says so at once to whoever works with what is given here.
        current.resubscribed().ok().flatten().unwrap_or(current)
    }

    fn adopt(&self, ingest: Ingest) {
        self.current.send_replace(ingest);
    }

    /// Takes up the configuration that `make` makes, while nobody decides anything. Blocks.
    ///
    /// # Errors
    /// What `make` says; then the old one stays.
    pub fn reload<E>(&self, make: impl FnOnce(&Ingest) -> Result<Ingest, E>) -> Result<Ingest, E> {
        let _one = self.one();
        let new = make(&self.ingest())?;
        self.adopt(new.clone());
        Ok(new)
    }

    /// Writes what an editor decided, and publishes what it changes. Blocks.
    ///
    /// # Errors
    /// Any [`SteerError`].
    pub fn say(&self, words: &[(&StoredRecord, Word)]) -> Result<(), SteerError> {
        let _one = self.one();
        let said = edit::say(self.ingest().site(), words)?;
        self.take(said)
    }

    /// Agrees to rules that wait for consent, and publishes what they change. Blocks.
    ///
    /// # Errors
    /// Any [`SteerError`].
    pub fn agree(&self) -> Result<(), SteerError> {
        let _one = self.one();
        let ingest = self.ingest();
        ingest.apply_rules(self.clock.now(), true)?;
        // So that followers hear of what is published here.
        self.adopt(ingest.clone());
        publish(&ingest)
    }

    /// Looks for what editors changed in the published files. How long to wait before the next look. Blocks.
    ///
    /// # Errors
    /// Any [`SteerError`].
    pub fn look(&self) -> Result<Duration, SteerError> {
        let _one = self.one();
        let ingest = self.ingest();
        let began = Instant::now();
        let ReadBack { overrides, is_refilled, told } = read_back(ingest.site(), ingest.store())?;
        let gap = LOOK_GAP.max(began.elapsed() * LOOK_SHARE);
        told.iter().for_each(|what| tracing::warn!("{what}"));
        match overrides {
            Some(overrides) => self.take(overrides)?,
            None if is_refilled => publish(&ingest)?,
            None => {}
        }
        Ok(gap)
    }

    fn take(&self, said: Overrides) -> Result<(), SteerError> {
        let ingest = self.ingest().with_overrides(said)?;
        if let Applied::Held(_) = ingest.apply_rules(self.clock.now(), false)? {
            tracing::warn!("new rules still wait for consent");
        }
        self.adopt(ingest.clone());
        publish(&ingest)
    }

    fn one(&self) -> MutexGuard<'_, ()> {
        self.deciding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn publish(ingest: &Ingest) -> Result<(), SteerError> {
    let written = publisher::publish(ingest.site(), ingest.store(), Scope::Changed)?;
    written.told.iter().for_each(|what| tracing::warn!("{what}"));
    Ok(())
}
