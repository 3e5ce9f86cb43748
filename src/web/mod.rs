//! Serves output/ over HTTP.
