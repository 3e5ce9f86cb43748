//! The body of a record, and what does not belong into it.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use url::Url;

use super::sanitise::{paragraph, sanitise};
use super::{escape_into, excerpt, plain, plain_html};
use crate::entry::{Text, TextKind};

/// What WordPress appends to every excerpt: how it begins, and what stands between the article's title and the site's.
const FIRST_APPEARED: [(&str, &str); 6] = [
    ("The post ", " appeared first on "),
    ("Der Beitrag ", " erschien zuerst auf "),
    ("Artikkeli ", " julkaistiin ensimmäisen kerran "),
    ("Inlägget ", " dök först upp på "),
    ("L’article ", " est apparu en premier sur "),
    ("La entrada ", " se publicó primero en "),
];

/// Tells in one pass that none of the six is there, as in most texts; `None` if it could not be built.
static FIRST_APPEARED_MIDDLES: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(FIRST_APPEARED.iter().map(|(_, middle)| middle)).ok());

/// How an excerpt says that it is one, in lower case.
const READ_ON: [&str; 14] = [
    "[…]",
    "[...]",
    "(…)",
    "(more…)",
    "read more",
    "read more »",
    "read more...",
    "read more…",
    "read more →",
    "continue reading",
    "continue reading →",
    "continue reading…",
    "lue lisää",
    "läs mer",
];

/// A title or a site's name in boilerplate is not longer than this; what is longer is the article's own text.
const BOILERPLATE_MAX_BYTES: usize = 600;

/// Cuts off the end of a plain text what a publishing system put there: "The post … appeared first on ….", `[…]`, "Read more",
/// "Continue reading →". Nothing else is changed.
#[must_use]
pub fn without_boilerplate(plain: &str) -> &str {
    let mut text = plain.trim_end();
    loop {
        let shorter = cut(text).trim_end();
        if shorter.len() == text.len() {
            return text;
        }
        text = shorter;
    }
}

fn cut(text: &str) -> &str {
    // Only the end is searched: what stands further up is not boilerplate, and texts are long.
    let tail_at = text.floor_char_boundary(text.len().saturating_sub(BOILERPLATE_MAX_BYTES));
    let tail = &text[tail_at..];
    let appeared = FIRST_APPEARED_MIDDLES.as_ref().is_none_or(|middles| middles.is_match(tail));
    for (start, middle) in FIRST_APPEARED.iter().filter(|_| appeared) {
        if let Some(middle_at) = tail.rfind(*middle)
            && let Some(at) = tail[..middle_at].rfind(*start).map(|at| tail_at + at)
            && starts_word(text, at)
        {
            return &text[..at];
        }
    }
    for end in READ_ON {
        if let Some(at) = text.len().checked_sub(end.len())
            && text.get(at..).is_some_and(|tail| tail.chars().flat_map(char::to_lowercase).eq(end.chars()))
            && (starts_word(text, at) || end.starts_with(['[', '(']))
            // A sentence may end so; a link stands alone, behind the end of one.
            && (!end.ends_with(char::is_alphabetic) || text[..at].trim_end().ends_with(|c: char| !c.is_alphanumeric() && c != ',') || at == 0)
        {
            return &text[..at];
        }
    }
    // "Continue reading <the title> →", the title being whatever it is.
    if text.ends_with('→')
        && let Some(at) = tail.rfind("Continue reading ")
    {
        return &text[..tail_at + at];
    }
    text
}

fn starts_word(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|before| before.chars().next_back().is_none_or(|c| !c.is_alphanumeric()))
}

/// The body of a record: the text as sanitised HTML in `<p>`, without a line break at its end.
///
/// HTML is [`sanitise`]d against `base`. Plain text keeps its line breaks inside a paragraph; a blank line begins a new one. With
/// `max_chars`, a text that is longer becomes an [`excerpt`] in one `<p>`. Boilerplate at the end is dropped in both.
/// Only `&`, `<` and `>` are escaped.
#[must_use]
pub fn paragraphs(text: &Text, base: Option<&Url>, max_chars: Option<usize>) -> String {
    if let Some(max_chars) = max_chars {
        let line = plain(text);
        let line = without_boilerplate(&line);
        if line.chars().nth(max_chars).is_some() {
            return paragraph(&excerpt(line, max_chars));
        }
    }
    match text.kind {
        TextKind::Html => without_boilerplate_html(sanitise(&text.value, base)),
        TextKind::Plain => lines(without_boilerplate(&text.value)),
    }
}

/// Plain text in paragraphs.
fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut open = false;
    for line in text.lines().chain([""]) {
        let line = plain(&Text { value: line.to_owned(), kind: TextKind::Plain });
        match (line.is_empty(), open) {
            (true, false) => continue,
            (true, true) => out.push_str("</p>"),
            (false, false) => out.push_str(if out.is_empty() { "<p>" } else { "\n<p>" }),
            (false, true) => out.push('\n'),
        }
        open = !line.is_empty();
        escape_into(&line, &mut out);
    }
    out
}

/// Drops or shortens last paragraphs that are boilerplate.
fn without_boilerplate_html(mut html: String) -> String {
    while html.ends_with("</p>")
        && let Some(at) = html.rfind("<p>")
        && html.len() - at <= 4 * BOILERPLATE_MAX_BYTES
    {
        let line = plain_html(&html[at..], usize::MAX);
        let kept = without_boilerplate(&line);
        if kept.len() == line.len() {
            break;
        }
        // Markup that is half boilerplate cannot be cut by its text; a paragraph of plain text takes its place.
        let kept = paragraph(kept);
        html.truncate(at);
        html.push_str(&kept);
        html.truncate(html.trim_end().len());
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boilerplate_is_cut_from_the_end_only() {
        for (given, wanted) in [
            ("Text. The post A title appeared first on A Site.", "Text."),
            ("Text […] The post A appeared first on B.", "Text"),
            ("Text. Read more", "Text."),
            ("Text... Read More »", "Text..."),
            ("Text … [...]", "Text …"),
            ("Text. Continue reading →", "Text."),
            ("Text. Continue reading How to sleep →", "Text."),
            ("Teksti. Artikkeli Otsikko julkaistiin ensimmäisen kerran Sivusto.", "Teksti."),
            ("Read more", ""),
            ("Children should read more", "Children should read more"),
            ("He said the post office appeared first on maps", "He said the post office appeared first on maps"),
            ("Read more books. They help.", "Read more books. They help."),
            ("İ. READ MORE", "İ."),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(without_boilerplate(given), wanted, "{given}");
        }
        let long = format!("The post {} appeared first on X.", "word ".repeat(300));
        assert_eq!(without_boilerplate(&long), long, "an article's own text");
    }

    #[test]
    fn bodies_are_paragraphs() {
        let plain = |value: &str| paragraphs(&Text { value: value.into(), kind: TextKind::Plain }, None, None);
        assert_eq!(plain("The Exhibition & more <b>.\nSecond “line”'s."), "<p>The Exhibition &amp; more &lt;b&gt;.\nSecond “line”'s.</p>");
        assert_eq!(plain("a\r\n  b \n\n\nc\n"), "<p>a\nb</p>\n<p>c</p>");
        assert_eq!(plain(" \n "), "");
        let html = |value: &str, max| paragraphs(&Text { value: value.into(), kind: TextKind::Html }, None, max);
        assert_eq!(html("a &amp; <i>b</i>", None), "<p>a &amp; <i>b</i></p>");
        assert_eq!(html("<p>a</p>", None), "<p>a</p>");
        assert_eq!(html("one &amp; <i>two</i> three four", Some(12)), "<p>one &amp; two…</p>");
        assert_eq!(html("one <i>two</i>", Some(12)), "<p>one <i>two</i></p>");
        assert_eq!(html("<p>Text […]</p>\n<p>The post <a href='https://a.example/'>A</a> appeared first on B.</p>", None), "<p>Text</p>");
        assert_eq!(html("<p>a</p><ul><li>Read more</li></ul>", None), "<p>a</p><ul><li>Read more</li></ul>");
    }
}
