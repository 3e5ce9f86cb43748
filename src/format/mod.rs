//! The pure writers: records and feeds as bytes.

pub mod atom;
#[cfg(test)]
mod by_library;
pub mod check;
pub mod document;
pub mod front_matter;
pub mod html;
pub mod json_feed;
mod markup;
pub mod opml;
pub mod printed;
pub mod rss;
pub mod sitemap;
pub mod subscriptions;
