//! What a server says itself, made fit for a terminal and a log.

use serde::{Deserialize, Serialize};

use crate::stage::text;

/// Characters kept of an error's body (F16).
const TEXT_MAX_CHARS: usize = 500;

/// Characters kept of a header.
const HEADER_MAX_CHARS: usize = 100;

/// Bytes of a body that are looked at.
const LOOK_MAX_BYTES: usize = 16 * 1024;

/// The server's own words, without markup and control characters (S25).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Title of an HTML page.
    pub title: Option<String>,
    /// The first 500 characters of the text.
    pub text: String,
    /// `Server`.
    pub server: Option<String>,
    /// `cf-mitigated`.
    pub cf_mitigated: Option<String>,
    /// `cf-ray`: what Cloudflare's support, and the publisher's, find the request by.
    #[serde(default)]
    pub cf_ray: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
}

/// The headers that say something to people, as received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    /// `Server`.
    pub server: Option<&'a str>,
    /// `cf-mitigated`.
    pub cf_mitigated: Option<&'a str>,
    /// `cf-ray`.
    pub cf_ray: Option<&'a str>,
    /// `Retry-After`.
    pub retry_after: Option<&'a str>,
}

/// Gathers the words of an answer that is of no other use.
#[must_use]
pub fn words(body: &[u8], headers: &Said<'_>) -> Words {
    let start = String::from_utf8_lossy(body.get(..LOOK_MAX_BYTES).unwrap_or(body));
    let header = |value: Option<&str>| {
        let line: String = value?.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| text::keeps(*c)).collect();
        let line: String = line.trim().chars().take(HEADER_MAX_CHARS).collect();
        (!line.is_empty()).then_some(line)
    };
    // Plain text loses nothing by being read as HTML but a word in angle brackets.
    let said = if start.trim_start().starts_with(['{', '[']) { plain(&start) } else { text::plain_html(&start, TEXT_MAX_CHARS) };
    Words {
        title: is_html(body).then(|| title(&start)).flatten(),
        text: said,
        server: header(headers.server),
        cf_mitigated: header(headers.cf_mitigated),
        cf_ray: header(headers.cf_ray),
        retry_after: header(headers.retry_after),
    }
}

/// Whether these bytes begin as an HTML page does.
pub fn is_html(body: &[u8]) -> bool {
    let start = body.get(..1_024).unwrap_or(body).trim_ascii_start();
    let begins = |with: &[u8]| start.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    begins(b"<!doctype html") || begins(b"<html")
}

fn plain(start: &str) -> String {
    let line = start.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| text::keeps(*c)).take(TEXT_MAX_CHARS).collect()
}

/// The title of an HTML page.
fn title(start: &str) -> Option<String> {
    let lower = start.to_ascii_lowercase();
    let opened = lower.find("<title")?;
    let begin = opened + lower.get(opened..)?.find('>')? + 1;
    let end = begin + lower.get(begin..)?.find("</title")?;
    let title = text::plain_html(start.get(begin..end)?, HEADER_MAX_CHARS);
    (!title.is_empty()).then_some(title)
}

/// Whose challenge page this is, by a page's title: those of the common bot filters, which nothing else is called. Articles that quote
/// one are not titled so.
pub fn challenge(title: &str) -> Option<&'static str> {
    let title = title.to_ascii_lowercase();
    let title = title.trim_end_matches(['.', '…', '!', ' ']);
    Some(match title {
        "just a moment" | "attention required! | cloudflare" | "please wait.. | cloudflare" | "please wait... | cloudflare" => "Cloudflare",
        "ddos-guard" => "DDoS-Guard",
        "making sure you're not a bot" | "making sure you&#39;re not a bot" => "Anubis",
        "vercel security checkpoint" => "Vercel",
        "pardon our interruption" => "Imperva",
        "robot challenge screen" => "SiteGround",
        "sucuri website firewall - access denied" => "Sucuri",
        "human verification" => "AWS WAF",
        "checking your browser"
        | "checking your browser before accessing"
        | "one moment, please"
        | "client challenge"
        | "bot verification"
        | "are you a robot?"
        | "are you human?"
        | "security check" => "bot-filter",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_are_gone_and_the_length_is_bounded() {
        let body = b"<html><head><title>No \x1b[31mentry</title><script>evil()</script></head><body><h1>Stop</h1>\x07 here\r\n\x1b]0;owned\x07 &lt;now&gt;</body>";
        let said = words(body, &Said { server: Some("ngi\x1bnx\r\nX: y"), retry_after: Some("\x00"), ..Said::default() });
        assert_eq!(said.title.as_deref(), Some("No [31mentry"));
        assert_eq!(said.text, "Stop here ]0;owned <now>");
        assert_eq!((said.server.as_deref(), said.retry_after), (Some("nginx  X: y"), None));
        assert_eq!(words(&[b'a'; 100_000], &Said::default()).text.chars().count(), 500);
        assert_eq!(words(b"{\"error\":\n \"no <b> \x1bkey\"}", &Said::default()).text, "{\"error\": \"no <b> key\"}");
    }

    #[test]
    fn challenge_pages_are_known_by_their_titles_and_nothing_else_is() {
        for (title, whose) in [
            ("Just a moment...", Some("Cloudflare")),
            ("Making sure you're not a bot!", Some("Anubis")),
            ("Pardon Our Interruption", Some("Imperva")),
            ("Just a moment: news of the day", None),
            ("403 Forbidden", None),
            ("", None),
        ] {
            assert_eq!(challenge(title), whose, "{title}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic_or_reach_the_terminal_raw(body in proptest::collection::vec(proptest::num::u8::ANY, 0..400), header in "\\PC{0,20}|[\\x00-\\x1f]{0,9}") {
            let header = Some(header.as_str());
            let said = words(&body, &Said { server: header, cf_mitigated: header, cf_ray: header, retry_after: header });
            for text in [Some(said.text), said.title, said.server, said.cf_mitigated, said.cf_ray, said.retry_after].into_iter().flatten() {
                proptest::prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
            }
        }
    }
}
