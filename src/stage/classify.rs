//! Which topics an article belongs to, and why.
