//! Who may do what at the desk: a token opens a session, and a session's own token stands in every form.
//!
//! Nothing is changed by GET. What changes something must come from this desk's own page (`Origin`, `Sec-Fetch-Site`) and carry the
//! session's token; and a request must have been sent to this machine under its own name, so that no other name that somebody lets
//! point here opens the desk to a page of theirs.

use std::collections::VecDeque;
use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{self, HeaderName};
use rustls::crypto::ring;

use crate::syntax::hex;

/// Bits of a token are not seen; fewer characters than this cannot hold 128 of them (in hexadecimal, which holds the fewest: 32).
const TOKEN_MIN_CHARS: usize = 22;
/// Distinct characters of a token that somebody made by a generator, at the least.
const TOKEN_MIN_DISTINCT: usize = 8;
/// Sessions at once; the oldest goes first.
const SESSIONS_MAX: usize = 16;
/// The session's cookie.
const COOKIE: &str = "topicwire-desk";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// 256 bits of the system's random numbers in hexadecimal; `None` where it has none.
#[must_use]
pub fn random_hex() -> Option<String> {
    let mut bytes = [0; 32];
    ring::default_provider().secure_random.fill(&mut bytes).ok()?;
    Some(hex(&bytes))
}

/// The desk's token, as a hash: comparing hashes takes the same time wherever they differ.
#[derive(Clone)]
pub struct Token(blake3::Hash);

/// A token that is none.
#[derive(Debug, thiserror::Error)]
#[error("it holds fewer than 128 bits; `topicwire desk token` makes one of 256")]
pub struct WeakToken;

impl Token {
    /// Takes a token.
    ///
    /// # Errors
    /// One that is too short, or of too few different characters, to have 128 bits.
    pub fn new(token: &str) -> Result<Self, WeakToken> {
        let mut distinct: Vec<char> = token.chars().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let is_hex = token.bytes().all(|b| b.is_ascii_hexdigit());
        let least = if is_hex { 32 } else { TOKEN_MIN_CHARS };
        if token.chars().count() < least || distinct.len() < TOKEN_MIN_DISTINCT {
            return Err(WeakToken);
        }
        Ok(Self(blake3::hash(token.as_bytes())))
    }

    pub(super) fn is(&self, given: &str) -> bool {
        self.0 == blake3::hash(given.trim().as_bytes())
    }
}

/// An open session.
#[derive(Clone)]
pub(super) struct Session {
    id: blake3::Hash,
    /// Stands in every form.
    pub(super) form_token: String,
}

/// The sessions that are open, the oldest first, each with what its editor is told next.
#[derive(Default)]
pub(super) struct Sessions(VecDeque<(Session, Option<Note>)>);

/// What an editor is told of the last action.
#[derive(Clone)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) is_failure: bool,
}

impl Sessions {
    /// Opens a session; the value of its `Set-Cookie`.
    pub(super) fn open(&mut self) -> Option<String> {
        let (id, form_token) = (random_hex()?, random_hex()?);
        if self.0.len() >= SESSIONS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((Session { id: blake3::hash(id.as_bytes()), form_token }, None));
        Some(format!("{COOKIE}={id}; HttpOnly; SameSite=Strict; Path=/"))
    }

    /// The session that a request belongs to.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<Session> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
        let mut ids = cookies.filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        ids.find_map(|id| {
            let hash = blake3::hash(id.as_bytes());
            self.0.iter().find(|(session, _)| session.id == hash).map(|(session, _)| session.clone())
        })
    }

    pub(super) fn close(&mut self, session: &Session) {
        self.0.retain(|(other, _)| other.id != session.id);
    }

    pub(super) fn note(&mut self, session: &Session, note: Note) {
        if let Some((_, place)) = self.0.iter_mut().find(|(other, _)| other.id == session.id) {
            *place = Some(note);
        }
    }

    pub(super) fn take_note(&mut self, session: &Session) -> Option<Note> {
        self.0.iter_mut().find(|(other, _)| other.id == session.id)?.1.take()
    }
}

impl Session {
    /// Whether a form is this session's own.
    pub(super) fn gave(&self, form_token: &str) -> bool {
        blake3::hash(self.form_token.as_bytes()) == blake3::hash(form_token.as_bytes())
    }
}

/// Whether a request was sent to this machine under its own name.
pub(super) fn is_to_us(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a request that changes something was sent by a page of this desk. One that says nothing of where it comes from was not.
pub(super) fn is_from_us(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(&header::HOST).unwrap_or_default();
    let origin = text(&header::ORIGIN).map(|origin| origin.strip_prefix("http://") == Some(host));
    let site = text(&SEC_FETCH_SITE).map(|site| site == "same-origin");
    (origin.is_some() || site.is_some()) && origin != Some(false) && site != Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_weak_token_is_none() {
        for weak in ["", "secret", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "0123456789abcdef0123456789abcde", "abcdefghijklmnopqrstu"] {
            assert!(Token::new(weak).is_err(), "{weak}");
        }
        let token = random_hex().unwrap();
        assert_ne!(random_hex().unwrap(), token);
        let checked = Token::new(&token).unwrap_or_else(|e| panic!("{e}"));
        assert!(checked.is(&token) && !checked.is(&token[1..]) && !checked.is(""));
    }

    #[test]
    fn only_this_machine_under_its_own_name_is_us() {
        for (host, expected) in [
            ("127.0.0.1:8081", true),
            ("localhost:9000", true),
            ("[::1]:8081", true),
            ("LOCALHOST", true),
            ("desk.example:8081", false),
            ("127.0.0.1.evil.example:8081", false),
            ("192.168.0.1:8081", false),
            ("", false),
        ] {
            assert_eq!(is_to_us(&headers(&[("host", host)])), expected, "{host}");
        }
        assert!(!is_to_us(&HeaderMap::new()));
    }

    #[test]
    fn only_a_page_of_the_desk_may_change_anything() {
        for (pairs, expected) in [
            (&[("origin", "http://localhost:1")][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("origin", "http://localhost:1"), ("sec-fetch-site", "same-origin")], true),
            (&[], false),
            (&[("origin", "null")], false),
            (&[("origin", "http://localhost:2")], false),
            (&[("origin", "https://localhost:1")], false),
            (&[("origin", "http://evil.example")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "http://localhost:1"), ("sec-fetch-site", "cross-site")], false),
        ] {
            let mut all = pairs.to_vec();
            all.push(("host", "localhost:1"));
            assert_eq!(is_from_us(&headers(&all)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_session_is_known_by_its_cookie_and_the_oldest_goes() {
        let mut sessions = Sessions::default();
        let first = sessions.open().unwrap();
        assert!(first.ends_with("; HttpOnly; SameSite=Strict; Path=/"));
        let cookie = |set: &str| headers(&[("cookie", &format!("other=1; {}", set.split(';').next().unwrap()))]);
        let session = sessions.of(&cookie(&first)).unwrap();
        assert!(session.gave(&session.form_token) && !session.gave("") && !session.gave(&random_hex().unwrap()));
        assert!(sessions.of(&headers(&[("cookie", "topicwire-desk=")])).is_none());
        for _ in 0..SESSIONS_MAX {
            sessions.open().unwrap();
        }
        assert!(sessions.of(&cookie(&first)).is_none());
    }
}
