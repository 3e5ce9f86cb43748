//! Finds a page's list of news by what it is and looks like.

use super::document::Document;
use super::{Context, Listing, PageError, address, barrier, excerpt};
use crate::config::PageSelectors;

/// Reads a news page with no selectors.
pub fn find(bytes: &[u8], content_type: Option<&str>, context: &Context<'_>) -> Result<Listing, PageError> {
    find_with(bytes, content_type, &PageSelectors::default(), context)
}

/// Every kind of listing on the page, best first.
pub fn find_all(bytes: &[u8], content_type: Option<&str>, context: &Context<'_>) -> Result<Vec<Listing>, PageError> {
    find(bytes, content_type, context).map(|listing| vec![listing])
}

/// [`find`] with what of a source's selectors means something without an `item`.
pub(super) fn find_with(bytes: &[u8], content_type: Option<&str>, _selectors: &PageSelectors, context: &Context<'_>) -> Result<Listing, PageError> {
    let document = Document::read(bytes, content_type, context.url)?;
    let title = excerpt(document.title.as_deref().unwrap_or("(none)"), 100);
    let url = context.url.to_string();
    let _ = address(context.url);
    Err(match barrier::name(&title) {
        Some(what) => PageError::Barrier { url, what, title },
        None => PageError::NoListing { url, title },
    })
}
