//! Clean URLs: one article, one address.
