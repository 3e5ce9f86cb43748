//! Topicwire follows many sources, files each article under topics, and republishes one clean feed per topic.

pub mod cli;
pub mod config;
pub mod entry;
pub mod format;
pub mod ingest;
pub mod io;
pub mod publisher;
pub mod record;
pub mod scheduler;
pub mod stage;
pub mod store;
pub mod stories;
pub mod web;
