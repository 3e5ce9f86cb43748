//! Writes a record as Markdown with YAML front matter.
