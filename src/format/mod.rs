//! The pure writers: records and feeds as bytes.

pub mod atom;
pub mod check;
pub mod document;
pub mod front_matter;
pub mod html;
pub mod json_feed;
pub mod opml;
pub mod rss;
pub mod sitemap;
pub mod subscriptions;
