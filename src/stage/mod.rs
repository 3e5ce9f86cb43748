//! The pure stages: no clock, files, network, async, randomness or globals. Values in, values out.

pub mod article;
pub mod classify;
pub mod clean;
pub mod date;
pub mod drift;
pub mod etiquette;
pub mod exchange;
pub mod host;
pub mod hugo;
pub mod identity;
mod link_header;
pub mod map;
pub mod naming;
pub mod opml;
pub mod page;
pub mod parse;
pub mod poll;
pub mod push;
pub mod rights;
pub mod robots;
pub mod schedule;
pub mod sitemap;
pub mod story;
pub mod subscription;
pub mod text;
pub mod wordpress;
