//! What a response means: one outcome for every exchange with a server.
//!
//! Pure: facts of the response and what is known of the source go in, a [`Verdict`] comes out. A verdict other than `Fresh` and
//! `Unchanged` leaves stored validators and entries alone (F5), and `Fresh` is a promise only: validators are stored with the entries
//! that the body turns out to hold, in one transaction, or not at all (F6). What one answer cannot tell (eight days of 304, a move that
//! lasts, three answers of 410) is [`crate::stage::poll`]'s.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::poll::{Words, challenge};

/// Shortest and longest wait that a `Retry-After` can ask for (F13): below, a server's zero would mean a request storm; above, one bad
/// header would silence a source for good.
const RETRY_AFTER_S: (i64, i64) = (60, 7 * 86_400);

/// Wait after a 429 that names none (FRB021).
const RATE_LIMIT_S: i64 = 3_600;

/// Class of an answer that is a bot filter's page.
pub const CHALLENGE: &str = "challenge";

/// Longest validator that is kept, in bytes. Real ones are below 200; a longer one is somebody's storage in our store and requests.
const VALIDATOR_MAX_BYTES: usize = 1_024;

/// What is known of a source, as far as it belongs to the URL that is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The URL that is asked.
    pub url: String,
    /// `ETag` of the last body that was read.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified` of the same response.
    pub last_modified: Option<Vec<u8>>,
    /// The URL that gave both, after redirects.
    pub validator_url: Option<String>,
    /// BLAKE3 hash of that body.
    pub body_hash: Option<[u8; 32]>,
}

/// A response as far as it matters here. Header values are as received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Status code.
    pub status: u16,
    /// The URL that answered, after redirects.
    pub final_url: String,
    /// There were redirects and every one was permanent (301 or 308).
    pub permanent: bool,
    /// The request that got this carried validators, in its last hop.
    pub conditional: bool,
    /// No request was made: this is another source's answer ([`crate::stage::poll::twin`]). `conditional` says what would have been.
    pub from_twin: bool,
    /// `ETag`.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`.
    pub last_modified: Option<Vec<u8>>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// How long it may be taken for current, by [`max_age`].
    pub max_age: Option<Duration>,
    /// What the server says itself, where the answer is an error or an HTML page.
    pub words: Option<Words>,
    /// Bytes of the body as they came.
    pub wire_bytes: u64,
    /// Bytes of the decoded body.
    pub body_len: u64,
    /// BLAKE3 hash of the decoded body, if it was computed.
    pub body_hash: Option<[u8; 32]>,
}

/// An atomic set: all from one response, bound to the URL that gave it (FRB014, F10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// `ETag`, byte for byte.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`, byte for byte.
    pub last_modified: Option<Vec<u8>>,
    /// Where they belong.
    pub url: String,
}

/// What a response means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A body to read.
    Fresh {
        /// To be stored if the body proves readable.
        validators: Validators,
        /// Where the source says it lives from now on.
        moved_to: Option<String>,
    },
    /// Nothing new.
    Unchanged {
        /// To be stored: a 304 may have renewed them (F3).
        validators: Validators,
        /// As in `Fresh`: a moved source that answers 304 moved all the same.
        moved_to: Option<String>,
    },
    /// No use; the source is tried again by its schedule, but not before `retry_not_before`.
    Failed {
        /// One word for counting and colours.
        class: &'static str,
        /// A sentence for the site's owner.
        why: String,
        /// What the server asked for.
        retry_not_before: Option<DateTime<Utc>>,
    },
    /// The server wants fewer requests (429). It counts for the host, not only for this URL (F13).
    RateLimited {
        /// No request before this.
        until: DateTime<Utc>,
        /// A sentence for the site's owner.
        why: String,
    },
    /// The server says that the source is gone for good (410).
    Gone {
        /// A sentence for the site's owner.
        why: String,
    },
}

/// What the response means.
pub fn judge(known: &Known, response: &Facts, now: DateTime<Utc>) -> Verdict {
    let hint = response.retry_after.as_deref().and_then(|text| retry_after(text, now));
    let failed = |class, why: String| Verdict::Failed { class, why, retry_not_before: hint };
    let moved_to = (response.permanent && response.final_url != known.url).then(|| response.final_url.clone());

    // Before the status: a challenge comes as 403, 429, 503 or even 200, and none of them means what it says.
    if let Some(whose) = challenged(response) {
        let why = format!(
            "blocked by a {whose} challenge page (status {}), which is not a rate limit: \
             ask the publisher to let feed readers through at this address",
            response.status
        );
        return failed(CHALLENGE, why);
    }

    match response.status {
        200 | 203 if response.body_len == 0 => failed("empty", "answered 200 with an empty body".to_owned()),
        200 | 203 => {
            let validators = received(response);
            // Only equal bytes prove that nothing changed; equal validators on a 200 do not (F4).
            if response.body_hash.is_some() && response.body_hash == known.body_hash {
                Verdict::Unchanged { validators, moved_to }
            } else {
                Verdict::Fresh { validators, moved_to }
            }
        }
        204 | 205 => Verdict::Unchanged { validators: kept(known, response), moved_to },
        206 => failed("partial", "answered 206 with a part of the document, which was not asked for".to_owned()),
        226 => failed("partial", "answered 226 with a difference to an earlier document, which was not asked for".to_owned()),
        304 if response.conditional => Verdict::Unchanged { validators: kept(known, response), moved_to },
        304 => failed("not-modified", "answered 304 (not modified) to a request that had no condition".to_owned()),
        status @ 300..=399 => failed("redirect", format!("answered {} without an address to go to", phrase(status))),
        410 => Verdict::Gone { why: "answered 410 Gone: the publisher says that it will not come back".to_owned() },
        429 => Verdict::RateLimited {
            until: hint.unwrap_or(now + TimeDelta::seconds(RATE_LIMIT_S)),
            why: match hint {
                Some(_) => "answered 429 Too Many Requests and named a time to come back".to_owned(),
                None => "answered 429 Too Many Requests without a time to come back".to_owned(),
            },
        },
        404 => failed("not-found", "answered 404 Not Found: look whether the feed has a new address".to_owned()),
        status @ (401 | 402 | 403 | 407 | 451) => failed("denied", format!("answered {}{}", phrase(status), by(response))),
        status @ 400..=499 => failed("client", format!("answered {}{}", phrase(status), by(response))),
        status @ 520..=530 => failed("server", format!("answered {status}: Cloudflare could not reach the site behind it")),
        status @ 500..=599 => failed("server", format!("answered {}{}", phrase(status), by(response))),
        status => failed("unknown", format!("answered {status}, which means nothing here{}", by(response))),
    }
}

/// How long a response may be taken for current, from its cache headers (F17); for the schedule, which only slows down by it.
/// `max-age` beats `Expires`; an `Expires` that is no date has passed; without `Date` it cannot be told how long `Expires` gives.
/// `no-store` and `no-cache` give no hint at all: they never mean "poll faster".
pub fn max_age(cache_control: Option<&str>, age: Option<&str>, expires: Option<&str>, date: Option<&str>) -> Option<Duration> {
    let mut lifetime = None;
    for directive in cache_control.unwrap_or("").split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return None,
            // Of several the first counts (RFC 9111 4.2.1); one that is no number counts as passed.
            "max-age" if lifetime.is_none() => lifetime = Some(delta_seconds(value.trim().trim_matches('"')).unwrap_or(0)),
            _ => {}
        }
    }
    let lifetime = match (lifetime, expires) {
        (Some(lifetime), _) => lifetime,
        (None, None) => return None,
        (None, Some(expires)) => match http_date(expires) {
            None => 0,
            Some(expires) => u64::try_from((expires - http_date(date?)?).num_seconds()).unwrap_or(0),
        },
    };
    let age = age.and_then(|age| delta_seconds(age.trim())).unwrap_or(0);
    Some(Duration::from_secs(lifetime.saturating_sub(age)))
}

/// When a `Retry-After` lets the next request go: seconds or an HTTP date, clamped to one minute to seven days from `now` (F13).
/// `None` for what is neither.
pub fn retry_after(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let least = now + TimeDelta::seconds(RETRY_AFTER_S.0);
    let most = now + TimeDelta::seconds(RETRY_AFTER_S.1);
    let asked = match delta_seconds(text) {
        Some(seconds) => now + TimeDelta::seconds(i64::try_from(seconds).unwrap_or(RETRY_AFTER_S.1).min(RETRY_AFTER_S.1)),
        None => http_date(text)?,
    };
    Some(asked.clamp(least, most))
}

/// Reads the three forms of RFC 9110 5.6.7. The weekday is not looked at, since a wrong one changes nothing; years of two digits
/// are 1970 to 2069.
pub fn http_date(text: &str) -> Option<DateTime<Utc>> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let mut parts = text.split([' ', ',', '-']).filter(|part| !part.is_empty());
    parts.next().filter(|weekday| weekday.bytes().all(|byte| byte.is_ascii_alphabetic()))?;
    let (first, second, third, fourth) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    // Only asctime puts the month before the day, and the time before the year.
    let (day, month, year, time) = match first.as_bytes() {
        [byte, ..] if byte.is_ascii_digit() => (first, second, third, fourth),
        _ => (second, first, fourth, third),
    };
    if !matches!((parts.next(), parts.next()), (None | Some("GMT" | "UTC"), None)) {
        return None;
    }
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let year = match (year.len(), i32::try_from(number(year)?).ok()?) {
        (2, year @ 70..) => 1900 + year,
        (2, year) => 2000 + year,
        (_, year) => year,
    };
    let mut time = time.splitn(3, ':').map(number);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    // A leap second is the second before it here.
    let date = NaiveDate::from_ymd_opt(year, u32::try_from(month + 1).ok()?, number(day)?)?;
    Some(date.and_hms_opt(hour, minute, second.min(59))?.and_utc())
}

/// One to four digits and nothing else.
fn number(text: &str) -> Option<u32> {
    (matches!(text.len(), 1..=4) && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Seconds of RFC 9111 1.2.2: digits only, 2^31 for whatever is larger.
fn delta_seconds(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<u64>().unwrap_or(u64::MAX).min(1 << 31))
}

/// The validators of a 200: exactly those it carries, so that one it no longer carries is forgotten (F2).
fn received(response: &Facts) -> Validators {
    Validators {
        etag: sendable(response.etag.as_deref()),
        last_modified: sendable(response.last_modified.as_deref()),
        url: response.final_url.clone(),
    }
}

/// The known validators, with those that a 304 renews (RFC 9111 3.2; F3). A 304 from another URL than theirs renews nothing.
fn kept(known: &Known, response: &Facts) -> Validators {
    let url = known.validator_url.clone().unwrap_or_else(|| known.url.clone());
    let mut validators = Validators { etag: known.etag.clone(), last_modified: known.last_modified.clone(), url };
    if response.status == 304 && validators.url == response.final_url {
        let fresh = received(response);
        validators.etag = fresh.etag.or(validators.etag);
        validators.last_modified = fresh.last_modified.or(validators.last_modified);
    }
    validators
}

/// A validator that may be stored and sent back: no control bytes (S25), not empty, not absurdly long. Bytes above 0x7F are legal.
pub(super) fn sendable(value: Option<&[u8]>) -> Option<Vec<u8>> {
    let value = value?;
    let legal = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7F);
    ((1..=VALIDATOR_MAX_BYTES).contains(&value.len()) && value.iter().all(legal)).then(|| value.to_vec())
}

/// Whose challenge page this is, if it is one.
fn challenged(response: &Facts) -> Option<&'static str> {
    let words = response.words.as_ref()?;
    if words.cf_mitigated.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("challenge")) {
        return Some("Cloudflare");
    }
    let title = words.title.as_deref().filter(|_| matches!(response.status, 200 | 202 | 401 | 403 | 405 | 429 | 503))?;
    challenge(title)
}

/// " (server: x)", where the server names itself.
fn by(response: &Facts) -> String {
    let name = response.words.as_ref().and_then(|words| words.server.as_deref());
    name.map(|name| format!(" (server: {})", name.chars().take(60).collect::<String>())).unwrap_or_default()
}

/// The status with the words that RFC 9110 gives it; the server's own are not trusted with a line in the log.
fn phrase(status: u16) -> String {
    let words = match status {
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        418 => "I'm a teapot",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => return status.to_string(),
    };
    format!("{status} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn known() -> Known {
        Known {
            url: "https://a.example/feed".into(),
            etag: Some(b"W/\"x y\"".to_vec()),
            last_modified: Some(b"Yesterday, about noon".to_vec()),
            validator_url: Some("https://a.example/feed".into()),
            body_hash: Some([1; 32]),
        }
    }

    fn facts(status: u16) -> Facts {
        Facts { status, final_url: "https://a.example/feed".into(), conditional: true, body_len: 5, ..Facts::default() }
    }

    fn class(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Fresh { .. } => "fresh",
            Verdict::Unchanged { .. } => "unchanged",
            Verdict::Failed { class, .. } => class,
            Verdict::RateLimited { .. } => "limited",
            Verdict::Gone { .. } => "gone",
        }
    }

    #[test]
    fn every_status_has_its_class() {
        let table: &[(&[u16], &str)] = &[
            (&[200, 203], "fresh"),
            (&[204, 205, 304], "unchanged"),
            (&[206, 226], "partial"),
            (&[300, 301, 302, 303, 307, 308, 399], "redirect"),
            (&[401, 402, 403, 407, 451], "denied"),
            (&[404], "not-found"),
            (&[410], "gone"),
            (&[429], "limited"),
            (&[400, 405, 406, 418, 420, 499], "client"),
            (&[500, 502, 503, 504, 520, 530, 599], "server"),
            (&[0, 100, 201, 202, 207, 600, 999, u16::MAX], "unknown"),
        ];
        for (statuses, expected) in table {
            for status in *statuses {
                assert_eq!(class(&judge(&known(), &facts(*status), now())), *expected, "{status}");
            }
        }
    }

    #[test]
    fn a_200_with_one_validator_forgets_the_other() {
        let response = Facts { etag: Some(b"\"2\"".to_vec()), final_url: "https://c.example/".into(), ..facts(200) };
        let Verdict::Fresh { validators, moved_to } = judge(&known(), &response, now()) else { panic!() };
        let expected = Validators { etag: Some(b"\"2\"".to_vec()), last_modified: None, url: "https://c.example/".into() };
        assert_eq!((validators, moved_to), (expected, None));
    }

    #[test]
    fn a_304_renews_what_it_carries_and_keeps_the_rest() {
        let response = Facts { etag: Some(b"\"2\"".to_vec()), ..facts(304) };
        let Verdict::Unchanged { validators, .. } = judge(&known(), &response, now()) else { panic!() };
        assert_eq!(validators.etag.as_deref(), Some(&b"\"2\""[..]));
        assert_eq!(validators.last_modified, known().last_modified);
    }

    #[test]
    fn a_304_that_was_not_asked_for_is_a_failure() {
        assert_eq!(class(&judge(&known(), &Facts { conditional: false, ..facts(304) }, now())), "not-modified");
    }

    #[test]
    fn only_equal_bytes_make_a_200_unchanged() {
        let same_validators = Facts { etag: known().etag, last_modified: known().last_modified, ..facts(200) };
        assert_eq!(class(&judge(&known(), &same_validators, now())), "fresh");
        let same_bytes = Facts { etag: Some(b"\"new\"".to_vec()), body_hash: Some([1; 32]), ..facts(200) };
        assert_eq!(class(&judge(&known(), &same_bytes, now())), "unchanged");
        let never_read = Known { body_hash: None, ..known() };
        assert_eq!(class(&judge(&never_read, &Facts { body_hash: None, ..facts(200) }, now())), "fresh");
    }

    #[test]
    fn an_empty_200_is_a_failure() {
        assert_eq!(class(&judge(&known(), &Facts { body_len: 0, ..facts(200) }, now())), "empty");
    }

    #[test]
    fn a_permanent_move_is_told_whether_or_not_the_body_is_new() {
        for status in [200, 304] {
            let response = Facts { permanent: true, final_url: "https://b.example/".into(), ..facts(status) };
            let (Verdict::Fresh { moved_to, .. } | Verdict::Unchanged { moved_to, .. }) = judge(&known(), &response, now()) else {
                panic!("{status}")
            };
            assert_eq!(moved_to.as_deref(), Some("https://b.example/"));
        }
        let home = Facts { permanent: true, ..facts(200) };
        assert!(matches!(judge(&known(), &home, now()), Verdict::Fresh { moved_to: None, .. }));
    }

    #[test]
    fn validators_with_control_bytes_are_dropped_and_high_bytes_kept() {
        for (value, kept) in [
            (&b"\"a\r\nb\""[..], false),
            (b"\"a\0\"", false),
            (b"\"\x7f\"", false),
            (b"", false),
            (&[b'x'; 2000], false),
            (b"\"\xe4\xff\"", true),
            (b"\"a\tb\"", true),
        ] {
            let response = Facts { etag: Some(value.to_vec()), ..facts(200) };
            let Verdict::Fresh { validators, .. } = judge(&known(), &response, now()) else { panic!() };
            assert_eq!(validators.etag, kept.then(|| value.to_vec()), "{value:?}");
        }
    }

    #[test]
    fn retry_after_is_read_in_every_form_and_clamped() {
        let in_s = |seconds| Some(now() + TimeDelta::seconds(seconds));
        let date = |seconds: i64, format: &str| (now() + TimeDelta::seconds(seconds)).format(format).to_string();
        for (text, expected) in [
            ("120".to_owned(), in_s(120)),
            (" 120 ".to_owned(), in_s(120)),
            ("0".to_owned(), in_s(60)),
            ("31536000".to_owned(), in_s(604_800)),
            ("99999999999999999999999999".to_owned(), in_s(604_800)),
            (date(300, "%a, %d %b %Y %H:%M:%S GMT"), in_s(300)),
            (date(300, "%A, %d-%b-%y %H:%M:%S GMT"), in_s(300)),
            (date(300, "%a %b %e %H:%M:%S %Y"), in_s(300)),
            (date(-300, "%a, %d %b %Y %H:%M:%S GMT"), in_s(60)),
            (date(68 * 365 * 86_400, "%a, %d %b %Y %H:%M:%S GMT"), in_s(604_800)),
            ("-5".to_owned(), None),
            ("1.5".to_owned(), None),
            ("soon".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(retry_after(&text, now()), expected, "{text}");
        }
    }

    #[test]
    fn a_date_is_not_anticipated_by_a_part_of_a_second() {
        let now = now() + TimeDelta::milliseconds(400);
        let date = DateTime::from_timestamp(1_700_000_300, 0).unwrap();
        assert_eq!(retry_after(&date.format("%a, %d %b %Y %H:%M:%S GMT").to_string(), now), Some(date));
    }

    #[test]
    fn a_hint_reaches_every_failure() {
        let until = now() + TimeDelta::seconds(120);
        for status in [403, 404, 500, 503] {
            let response = Facts { retry_after: Some("120".into()), ..facts(status) };
            let verdict = judge(&known(), &response, now());
            assert!(matches!(verdict, Verdict::Failed { retry_not_before: Some(at), .. } if at == until), "{status}");
        }
        let limited = judge(&known(), &Facts { retry_after: Some("120".into()), ..facts(429) }, now());
        assert!(matches!(limited, Verdict::RateLimited { until: at, .. } if at == until));
        let unhinted = judge(&known(), &facts(429), now());
        assert!(matches!(unhinted, Verdict::RateLimited { until: at, .. } if at == now() + TimeDelta::hours(1)));
    }

    #[test]
    fn a_challenge_is_named_whatever_its_status() {
        let marked = Words { cf_mitigated: Some("Challenge".into()), ..Words::default() };
        let titled = Words { title: Some("Just a moment...".into()), ..Words::default() };
        for status in [200, 403, 429, 503] {
            for words in [&marked, &titled] {
                let response = Facts { words: Some(words.clone()), retry_after: Some("60".into()), ..facts(status) };
                let Verdict::Failed { class, why, .. } = judge(&known(), &response, now()) else { panic!() };
                assert_eq!(class, CHALLENGE);
                assert!(why.contains("Cloudflare challenge"), "{why}");
            }
        }
        let missing = Facts { words: Some(titled), ..facts(404) };
        assert_eq!(class(&judge(&known(), &missing, now())), "not-found");
    }

    #[test]
    fn the_server_is_named_where_it_names_itself() {
        let response = Facts { words: Some(Words { server: Some("x".into()), ..Words::default() }), ..facts(500) };
        let Verdict::Failed { why, .. } = judge(&known(), &response, now()) else { panic!() };
        assert_eq!(why, "answered 500 Internal Server Error (server: x)");
    }

    #[test]
    fn dates_of_the_three_forms_are_one_moment() {
        let moment = DateTime::from_timestamp(784_111_777, 0);
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", moment),
            ("Sunday, 06-Nov-94 08:49:37 GMT", moment),
            ("Sun Nov  6 08:49:37 1994", moment),
            ("sun, 06 nov 1994 08:49:37 GMT", moment),
            ("Mon, 06 Nov 1994 08:49:37 GMT", moment),
            ("Sat, 31 Dec 2016 23:59:60 GMT", DateTime::from_timestamp(1_483_228_799, 0)),
            ("Sun, 06 Nov 1994 08:49:37 +0200", None),
            ("Sun, 31 Feb 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 25:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT GMT", None),
            ("1994-11-06T08:49:37Z", None),
            ("0", None),
            ("", None),
        ] {
            assert_eq!(http_date(text), expected, "{text}");
        }
    }

    #[test]
    fn cache_headers_give_the_time_that_is_left() {
        const DATE: Option<&str> = Some("Sun, 06 Nov 1994 08:00:00 GMT");
        const LATER: Option<&str> = Some("Sun, 06 Nov 1994 09:00:00 GMT");
        for (cache_control, age, expires, date, expected) in [
            (Some("max-age=43200"), Some("40000"), None, None, Some(3_200)),
            (Some("public, Max-Age=\"60\""), None, LATER, DATE, Some(60)),
            (Some("max-age=60, max-age=120"), None, None, None, Some(60)),
            (Some("max-age=60"), Some("90"), None, None, Some(0)),
            (Some("max-age=99999999999999999999999"), None, None, None, Some(1 << 31)),
            (Some("max-age=-1"), None, None, None, Some(0)),
            (Some("no-cache, max-age=60"), None, None, None, None),
            (Some("no-store"), None, LATER, DATE, None),
            (None, None, LATER, DATE, Some(3_600)),
            (None, Some("600"), LATER, DATE, Some(3_000)),
            (None, None, DATE, LATER, Some(0)),
            (None, None, Some("0"), DATE, Some(0)),
            (None, None, LATER, None, None),
            (None, None, None, DATE, None),
            (Some("public"), None, None, None, None),
        ] {
            let left = max_age(cache_control, age, expires, date);
            assert_eq!(left, expected.map(Duration::from_secs), "{cache_control:?} {age:?} {expires:?} {date:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_date_survives_being_written_and_read(seconds in 0i64..4_000_000_000) {
            let moment = DateTime::from_timestamp(seconds, 0).unwrap();
            proptest::prop_assert_eq!(http_date(&moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()), Some(moment));
        }

        #[test]
        fn no_header_text_panics_or_escapes_its_clamp(text in "\\PC{0,40}") {
            let _ = max_age(Some(&text), Some(&text), Some(&text), Some(&text));
            if let Some(at) = retry_after(&text, now()) {
                proptest::prop_assert!((60..=604_800).contains(&(at - now()).num_seconds()));
            }
        }
    }
}
