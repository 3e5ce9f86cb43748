//! The line that says whose an article is.

use std::fmt::Write as _;

/// What a template may name, between braces.
pub const PLACEHOLDERS: [&str; 5] = ["title", "author", "source", "licence", "date"];

/// What Creative Commons licences ask for: name, title, licence (acceptance P5).
const TEMPLATE: &str = "“{title}” by {author}, {source}, {licence}";
/// The same where no author is named.
const WITHOUT_AUTHOR: &str = "“{title}”, {source}, {licence}";
const CHANGED: &str = "Changes were made: this is an excerpt.";

/// What is said of an article. Texts are plain.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Its title at its publisher.
    pub title: &'a str,
    /// Its authors' names.
    pub authors: &'a [String],
    /// Its source's name.
    pub source: &'a str,
    /// The name of its licence; empty without one.
    pub licence: &'a str,
    /// The day of its publication.
    pub date: &'a str,
    /// Whether its licence asks that changes be told, and there are some: it is shown in part.
    pub is_changed: bool,
}

/// What is wrong with a template: the name of a placeholder that is none, or of one that is not closed.
#[must_use]
pub fn fault(template: &str) -> Option<&str> {
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((name, end)) = after.split_once('}') else { return Some(after) };
        if !PLACEHOLDERS.contains(&name) {
            return Some(name);
        }
        rest = end;
    }
    None
}

/// The line, by this template or, without one, as Creative Commons asks for it.
#[must_use]
pub fn line(template: Option<&str>, facts: &Facts<'_>) -> String {
    let template = template.unwrap_or(if facts.authors.is_empty() { WITHOUT_AUTHOR } else { TEMPLATE });
    let authors = facts.authors.join(", ");
    let mut line = String::with_capacity(template.len() + facts.title.len() + 80);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        line.push_str(before);
        let Some((name, end)) = after.split_once('}') else { break };
        line.push_str(match name {
            "title" => facts.title,
            "author" if authors.is_empty() => facts.source,
            "author" => &authors,
            "source" => facts.source,
            "licence" => facts.licence,
            "date" => facts.date,
            _ => "",
        });
        rest = end;
    }
    line.push_str(rest);
    if facts.is_changed {
        let stop = if line.ends_with(['.', '!', '?', '…']) { "" } else { "." };
        let _ = write!(line, "{stop} {CHANGED}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_author_title_and_licence_and_tells_of_changes() {
        let authors = ["Ada Writer".to_owned(), "Bo Reporter".to_owned()];
        let facts =
            Facts { title: "On {source}", authors: &authors, source: "News", licence: "CC BY 4.0", date: "2026-01-02", is_changed: false };
        for (template, facts, expected) in [
            (None, facts, "“On {source}” by Ada Writer, Bo Reporter, News, CC BY 4.0"),
            (
                None,
                Facts { authors: &[], is_changed: true, ..facts },
                "“On {source}”, News, CC BY 4.0. Changes were made: this is an excerpt.",
            ),
            (Some("Courtesy of {source}, {date}."), facts, "Courtesy of News, 2026-01-02."),
            (
                Some("Courtesy of {source}."),
                Facts { is_changed: true, ..facts },
                "Courtesy of News. Changes were made: this is an excerpt.",
            ),
            (Some("{author}"), Facts { authors: &[], ..facts }, "News"),
        ] {
            assert_eq!(line(template, &facts), expected);
        }
    }

    #[test]
    fn a_template_names_what_there_is() {
        for (template, wrong) in [
            ("Courtesy of {source}", None),
            ("{title} {author} {source} {licence} {date}", None),
            ("by {autor}", Some("autor")),
            ("{}", Some("")),
            ("{source", Some("source")),
            ("a } b", None),
        ] {
            assert_eq!(fault(template), wrong, "{template}");
        }
    }
}
