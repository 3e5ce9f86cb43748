//! Stories: which articles tell of one event.
//!
//! [`sign`] makes of an article what is compared: its names, numbers, telling words and concepts, the shingles of its text and
//! its addresses. [`group`] puts articles together by them. Both are pure, and everything in a [`Signature`] is fixed for ever: it is stored.
//!
//! A bond between two articles has one of three grounds: one address, near-equal text, or one event retold (shared names, numbers
//! and rare words, close in time). Three things keep others apart: two articles of one source are one story only where their
//! texts are near equal; a group takes nobody who is strange to most of its members; and a follow-up, which shares every name
//! with the news it follows, is told by the words of what comes after.

mod bond;
mod concept;
mod group;
mod number;
mod sign;
#[cfg(test)]
mod tests;

pub use bond::{Bond, Ground};
pub use group::{Member, Placed, RETOLD_MAX_DAYS, SAME_MAX_DAYS, group};
pub use sign::{Article, Language, Signature, sign};
