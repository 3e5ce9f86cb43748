//! Reads a news page by selectors.
