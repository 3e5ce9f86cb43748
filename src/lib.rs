//! Topicwire follows many sources, files each article under topics, and republishes one clean feed per topic.
//!
//! ```text
//! feeds.toml ─config─▶ Site ─scheduler─▶ due(now) ─▶ ingest::poll(source)
//!    io::fetch ─facts─▶ stage::exchange ─Fresh─▶ stage::parse | stage::page ─entries─▶ identity::keys ─(new and changed only)─▶
//!        ▲                    │ Unchanged · Moved · Gone · RateLimited · Failed                                              │
//!        │                    ▼                                                                                              ▼
//!        └──────────── store.commit(changes, validators, outcome, next attempt)  ◀── identity::place ◀── classify ◀── map::make
//! publisher:  store.settle ─▶ pending ─▶ windows, records ─▶ format ─▶ io::output (only what differs, atomically)
//! web:        the same bytes, with validators
//! ```
//!
//! `ARCHITECTURE.md` tells the rooms, the invariants and two walkthroughs.

pub mod cli;
pub mod config;
pub mod desk;
pub mod edit;
pub mod enrich;
pub mod entry;
pub mod format;
pub mod ingest;
pub mod io;
pub mod measure;
pub mod publisher;
pub mod push;
pub mod read_back;
mod reason;
pub mod record;
pub mod rights;
pub mod scheduler;
#[cfg(test)]
mod shared;
pub mod stage;
pub mod standing;
pub mod steer;
pub mod store;
pub mod stories;
mod syntax;
pub mod web;

#[cfg(test)]
mod isolation;
