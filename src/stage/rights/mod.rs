//! Rights: what licences mean, for which addresses an operator's word holds, how an article is attributed, what its publisher
//! reserves, and whether it is promotion. Nothing is guessed from texts: all of it is declared.

pub mod attribution;
pub mod licence;
mod pattern;
pub mod promotion;
pub mod reservation;

pub use licence::Licence;
pub use pattern::Pattern;
pub use reservation::Headers;
