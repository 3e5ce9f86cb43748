//! The running service's configuration as editors steer it: one at a time, and in the feeds before anybody is told that it is done.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::config::overrides::Overrides;
use crate::edit::{self, EditError, Word};
use crate::ingest::history::Applied;
use crate::ingest::{Ingest, IngestError, locked};
use crate::io::clock::Clock;
use crate::publisher::{self, PublishError, Scope};
use crate::read_back::{ReadBack, ReadBackError, Span, read_back};
use crate::stage::poll;
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

    /// The service's clock.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
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

    /// Has a source polled now, never before the time that its server named. With `accept` what it gives then is taken, whatever it is
    /// like, and is what is normal from then on. Blocks.
    ///
    /// # Errors
    /// Any [`SteerError`].
    pub fn retry(&self, source: &str, accept: bool) -> Result<(), SteerError> {
        let _one = self.one();
        let ingest = self.ingest();
        self.wake(&ingest, source, accept)?;
        self.adopt(ingest);
        Ok(())
    }

    /// Has a degraded source read as its repair proposes, from now on, and polled now. What that is, as lines of the source's table.
    /// Blocks.
    ///
    /// # Errors
    /// Any [`SteerError`]; that nothing is proposed among them.
    pub fn mend(&self, source: &str) -> Result<String, SteerError> {
        let _one = self.one();
        let ingest = self.ingest();
        let state = locked(ingest.store()).poll_state(known(&ingest, source)?).map_err(IngestError::from)?;
        let lines = state.degraded.and_then(|degraded| degraded.repair_toml);
        let lines = lines.ok_or_else(|| EditError::Usage(format!("no repair is proposed for {source}")))?;
        let ingest = ingest.with_overrides(edit::source(ingest.site(), source, Some(&lines))?)?;
        self.wake(&ingest, source, false)?;
        self.adopt(ingest);
        Ok(lines)
    }

    /// Has a source read as the configuration says again, and polled now. Blocks.
    ///
    /// # Errors
    /// Any [`SteerError`].
    pub fn unmend(&self, source: &str) -> Result<(), SteerError> {
        let _one = self.one();
        let ingest = self.ingest();
        known(&ingest, source)?;
        let ingest = ingest.with_overrides(edit::source(ingest.site(), source, None)?)?;
        self.wake(&ingest, source, false)?;
        self.adopt(ingest);
        Ok(())
    }

    /// The scheduler polls what is due when it is told of a configuration.
    fn wake(&self, ingest: &Ingest, source: &str, accept: bool) -> Result<(), SteerError> {
        let now = self.clock.now();
        let mut store = locked(ingest.store());
        let state = poll::retry(store.poll_state(known(ingest, source)?).map_err(IngestError::from)?, now);
        let state = if accept { poll::accept(state) } else { state };
        store.amend(source, &state, now).map_err(IngestError::from)?;
        Ok(())
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
        let ReadBack { overrides, is_refilled, told } = read_back(ingest.site(), ingest.store(), Span::Part)?;
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

/// The source's id, if it is followed.
fn known<'s>(ingest: &Ingest, source: &'s str) -> Result<&'s str, EditError> {
    let is_known = ingest.site().sources.iter().any(|s| s.id == source);
    if is_known { Ok(source) } else { Err(EditError::Usage(format!("no source is called \"{source}\""))) }
}

fn publish(ingest: &Ingest) -> Result<(), SteerError> {
    let written = publisher::publish(ingest.site(), ingest.store(), Scope::Changed)?;
    written.told.iter().for_each(|what| tracing::warn!("{what}"));
    Ok(())
}
