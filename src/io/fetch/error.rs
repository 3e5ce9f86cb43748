//! Why a request gave no response, in sentences for a site's owner.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::{AlertDescription, CertificateError, InvalidMessage};
use url::Url;

use super::certificate::Refused;
use super::coding::Undecodable;
use super::guard::{Forbidden, NoAddress};

/// Why a request gave no response. URLs in here are [`shown`]: no credentials, no query.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The client could not be made.
    #[error("cannot set up the HTTP client: {0}")]
    Setup(String),
    /// This machine has no CA certificates, so no https server can prove who it is.
    #[error("cannot check the certificate of {host}: this machine has no CA certificates (install the package ca-certificates)")]
    NoRoots {
        /// The server.
        host: String,
    },
    /// The guard refused, and nothing was connected to.
    #[error("{why}{}", .why.remedy())]
    Forbidden {
        /// The refusal.
        #[from]
        why: Forbidden,
    },
    /// A redirect led to where the guard refuses to go.
    #[error("redirected by {from}, but {why}")]
    ForbiddenHop {
        /// The URL that redirected.
        from: String,
        /// The refusal.
        why: Forbidden,
    },
    /// The name gave no address.
    #[error("cannot find {host} in the DNS: {why}")]
    Dns {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// No connection.
    #[error("cannot connect to {host}: {why}")]
    Connect {
        /// The server, with its port where that is unusual.
        host: String,
        /// What happened.
        why: String,
    },
    /// The configured proxy did not make the connection.
    #[error("cannot reach {host} through the proxy {proxy}: {why}")]
    Proxy {
        /// The server.
        host: String,
        /// The proxy's host and port.
        proxy: String,
        /// What happened.
        why: String,
    },
    /// No secure connection.
    #[error("no secure connection to {host}: {why}")]
    Tls {
        /// The server.
        host: String,
        /// What is wrong, mostly with its certificate.
        why: String,
    },
    /// A limit passed.
    #[error("{host}: {what} within {} s", .limit.as_secs_f32())]
    Timeout {
        /// The server.
        host: String,
        /// What did not happen.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// Redirects that cannot be followed.
    #[error("{why}: {chain}")]
    Redirect {
        /// What is wrong with them.
        why: &'static str,
        /// The URLs in order.
        chain: String,
    },
    /// Too many bytes.
    #[error("{url} is larger than {}{}", size(*max_bytes), if *decoded { " when decompressed" } else { "" })]
    Large {
        /// What was fetched.
        url: String,
        /// The cap.
        max_bytes: u64,
        /// Whether it was the cap on decoded bytes.
        decoded: bool,
    },
    /// A body that its content coding does not fit, or that is a bomb.
    #[error("cannot decompress {url}: {why}")]
    Coding {
        /// What was fetched.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The connection ended before the body did.
    #[error("{url} broke off after {}{}", size(*received_bytes), expected_bytes.map(|bytes| format!(" of {}", size(bytes))).unwrap_or_default())]
    Interrupted {
        /// What was fetched.
        url: String,
        /// Bytes that came.
        received_bytes: u64,
        /// Bytes that were announced.
        expected_bytes: Option<u64>,
    },
    /// The server does not speak HTTP as it should.
    #[error("{host} gave no valid HTTP answer: {why}")]
    Protocol {
        /// The server.
        host: String,
        /// What is wrong.
        why: String,
    },
}

impl FetchError {
    /// One word for counting and colours.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Setup(_) => "setup",
            Self::Forbidden { .. } | Self::ForbiddenHop { .. } => "forbidden",
            Self::Dns { .. } => "dns",
            Self::Connect { .. } => "connect",
            Self::Proxy { .. } => "proxy",
            Self::NoRoots { .. } | Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::Redirect { .. } => "redirect",
            Self::Large { .. } => "large",
            Self::Coding { .. } => "coding",
            Self::Interrupted { .. } => "interrupted",
            Self::Protocol { .. } => "protocol",
        }
    }

    /// Why nothing can be connected to.
    pub(super) fn no_address(url: &Url, why: NoAddress) -> Self {
        match why {
            NoAddress::Forbidden(why) => Self::Forbidden { why },
            why => Self::Dns { host: host(url), why: why.to_string() },
        }
    }

    /// Why a request to `url` ended before its response's head was there; `proxy` is what it went through.
    pub(super) fn before_the_head(url: &Url, error: &reqwest::Error, connect_limit: Duration, proxy: Option<&str>) -> Self {
        let host = host(url);
        // The name that was looked up last was the proxy's.
        let of_proxy = |why: String| proxy.map(|proxy| Self::Proxy { host: host.clone(), proxy: proxy.to_owned(), why });
        match find::<NoAddress>(error) {
            Some(NoAddress::Forbidden(why)) => return Self::Forbidden { why: why.clone() },
            Some(why) => return of_proxy(why.to_string()).unwrap_or_else(|| Self::Dns { host: host.clone(), why: why.to_string() }),
            None => {}
        }
        if let Some(why) = find::<rustls::Error>(error) {
            return Self::Tls { host, why: tls(why) };
        }
        if error.is_connect() {
            if error.is_timeout() {
                return Self::Timeout { host, what: "no connection", limit: connect_limit };
            }
            return of_proxy(tunnel(error)).unwrap_or_else(|| Self::Connect { host: host.clone(), why: connection(error) });
        }
        if find::<io::Error>(error).is_some() {
            return Self::Connect { host, why: connection(error) };
        }
        let why = innermost(error);
        // Hyper's words; they are all there is to tell these apart by.
        let said = |part: &str| why.contains(part);
        let sentence = match () {
            () if said("before message completed") => {
                return Self::Connect { host, why: "it closed the connection without an answer".to_owned() };
            }
            () if said("too large") => "its headers are too many or too long",
            () if said("HTTP version") || said("status-code") => "what it sends is not HTTP",
            () if said("content-length") => "it announces no length, or several, for its answer",
            () if said("HTTP header") => "a header line of its answer is broken",
            () if said("connection error received") || said("stream error received") => "it broke the HTTP/2 exchange off",
            () if said("connection error detected") || said("stream error detected") => "it does not keep to the rules of HTTP/2",
            () => return Self::Protocol { host, why },
        };
        Self::Protocol { host, why: sentence.to_owned() }
    }

    /// The same, if it happened where `from` redirected to: a refusal is then the redirect's doing, and nothing for an operator to allow.
    pub(super) fn redirected_by(self, from: Option<&Url>) -> Self {
        match (self, from) {
            (Self::Forbidden { why }, Some(from)) => Self::ForbiddenHop { from: shown(from), why },
            (other, _) => other,
        }
    }

    pub(super) fn undecodable(url: &Url, why: Undecodable, body_max_bytes: u64) -> Self {
        let url = shown(url);
        let why = match why {
            Undecodable::Large => return Self::Large { url, max_bytes: body_max_bytes, decoded: true },
            Undecodable::Ratio => "it expands so much that it looks like a decompression bomb".to_owned(),
            Undecodable::Unknown(coding) => format!("it has a compression that is not known here: {coding:?}"),
            Undecodable::Corrupt(coding, why) => format!("not whole, or no {coding} at all ({why})"),
        };
        Self::Coding { url, why }
    }
}

/// A URL as it may be printed: credentials cut, and the query too, for feeds carry access tokens there.
pub fn shown(url: &Url) -> String {
    let mut shown = without_credentials(url);
    if shown.query().is_some() {
        shown.set_query(Some("…"));
    }
    shown.to_string().replace("%E2%80%A6", "…")
}

/// The URL without user name, password and fragment.
pub(super) fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    // Fails only for URLs that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    url
}

/// Host, and port where it is not the scheme's own.
pub(super) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("(no host)");
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

/// Finds the first error of a type among an error and its causes. An `io::Error` hides the error it carries from `source`.
fn find<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        current = match carried {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut current = error;
    while let Some(cause) = current.source() {
        current = cause;
    }
    current.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

fn connection(error: &reqwest::Error) -> String {
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "the connection was refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe) => {
            "the connection was cut".to_owned()
        }
        Some(io::ErrorKind::UnexpectedEof) => "it closed the connection in the middle of the handshake".to_owned(),
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "there is no way to it from here".to_owned(),
        // The TLS library's words; they come as one error inside another.
        _ if innermost(error).contains("handshake eof") => "it closed the connection in the middle of the handshake".to_owned(),
        _ => innermost(error),
    }
}

/// Why a proxy made no connection. The client's words are all there is to tell these apart by.
fn tunnel(error: &reqwest::Error) -> String {
    match innermost(error) {
        why if why.contains("proxy authorization required") => "it asks for a user name and password, or for others".to_owned(),
        why if why.contains("unsuccessful") => "it refuses to connect there".to_owned(),
        _ => connection(error),
    }
}

/// What is wrong with a secure connection, mostly with the server's certificate; who signed that is told too.
fn tls(error: &rustls::Error) -> String {
    if let rustls::Error::InvalidCertificate(CertificateError::Other(other)) = error
        && let Some(Refused { why, issuer }) = other.0.downcast_ref::<Refused>()
    {
        let sentence = tls(&rustls::Error::InvalidCertificate(why.clone()));
        return issuer.as_ref().map_or_else(|| sentence.clone(), |issuer| format!("{sentence} (issuer {issuer})"));
    }
    let day = |at: &rustls::pki_types::UnixTime| {
        let at = i64::try_from(at.as_secs()).ok().and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0));
        at.map_or_else(String::new, |at| at.format(" %Y-%m-%d").to_string())
    };
    let why = match error {
        rustls::Error::InvalidCertificate(why) => why,
        rustls::Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => {
            return "its certificates are too many or too long".to_owned();
        }
        rustls::Error::InvalidMessage(_) => return "it does not speak TLS on this port".to_owned(),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) | rustls::Error::PeerIncompatible(_) => {
            return "it speaks no version of TLS that is still safe (1.2 or 1.3)".to_owned();
        }
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => return "it offers no encryption that is still safe".to_owned(),
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => return "it does not know this name".to_owned(),
        other => return other.to_string(),
    };
    match why {
        CertificateError::Expired => "its certificate has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => format!("its certificate expired{}", day(not_after)),
        CertificateError::NotValidYet => "its certificate is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => format!("its certificate is not valid before{}", day(not_before)),
        CertificateError::UnknownIssuer => "its certificate is signed by nobody whom this machine trusts".to_owned(),
        CertificateError::NotValidForName => "its certificate is for another name".to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            // Each is a Debug print such as `DnsName("a.example")`.
            let names: Vec<_> = presented.iter().take(5).map(|name| name.split('"').nth(1).unwrap_or(name)).collect();
            format!("its certificate is for another name ({})", names.join(", "))
        }
        CertificateError::Revoked => "its certificate was revoked".to_owned(),
        // webpki's word for a certificate authority that serves as its own server certificate; it is wrapped beyond matching.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => "its certificate is signed by itself".to_owned(),
        other => format!("its certificate is bad ({other})"),
    }
}

/// Bytes in the largest unit that leaves no fraction, or in the one that reads best.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} MiB", bytes >> 20, ((bytes & 0xF_FFFF) * 10) >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let url = Url::parse("https://me:pass@a.example:8443/feed?token=abc&x=1#frag").unwrap();
        assert_eq!(shown(&url), "https://a.example:8443/feed?…");
        assert_eq!(shown(&Url::parse("https://a.example/feed").unwrap()), "https://a.example/feed");
    }

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in
            [(0, "0 bytes"), (1_023, "1023 bytes"), (2_048, "2 KiB"), (10 << 20, "10 MiB"), ((3 << 20) + (1 << 19), "3.5 MiB")]
        {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn an_expired_certificate_is_dated() {
        let at = |seconds| rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let why = CertificateError::ExpiredContext { time: at(1_800_000_000), not_after: at(1_767_312_000) };
        assert_eq!(tls(&rustls::Error::InvalidCertificate(why)), "its certificate expired 2026-01-02");
    }

    #[test]
    fn the_issuer_of_a_refused_certificate_is_told() {
        let refused = |issuer: Option<&str>| {
            let refused = Refused { why: CertificateError::UnknownIssuer, issuer: issuer.map(str::to_owned) };
            tls(&rustls::Error::InvalidCertificate(CertificateError::Other(rustls::OtherError(std::sync::Arc::new(refused)))))
        };
        let sentence = "its certificate is signed by nobody whom this machine trusts";
        assert_eq!((refused(None), refused(Some("R3"))), (sentence.to_owned(), format!("{sentence} (issuer R3)")));
    }

    #[test]
    fn the_names_of_a_foreign_certificate_are_told() {
        let expected = rustls::pki_types::ServerName::try_from("a.example").unwrap();
        let presented = vec!["DnsName(\"b.example\")".to_owned(), "odd".to_owned()];
        let why = CertificateError::NotValidForNameContext { expected, presented };
        assert_eq!(tls(&rustls::Error::InvalidCertificate(why)), "its certificate is for another name (b.example, odd)");
    }

    #[test]
    fn an_error_is_found_inside_an_io_error() {
        let inner = io::Error::other(NoAddress::Empty);
        let outer = io::Error::other(inner);
        assert!(matches!(find::<NoAddress>(&outer), Some(NoAddress::Empty)));
    }
}
