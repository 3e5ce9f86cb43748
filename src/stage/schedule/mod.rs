//! When a source is next due.

/// When a source is polled, as configured.
#[derive(Clone, Debug)]
pub struct Schedule;
