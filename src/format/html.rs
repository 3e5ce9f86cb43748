//! Writes the site's pages.
