//! Where requests may go: the public internet, and what the operator allows besides.
//!
//! Three layers, because each alone has a hole. [`Guard::url`] looks at every hop's URL, for the HTTP client resolves no IP literal and
//! so asks no resolver about it. [`Vetted`] is the client's only resolver and hands out checked addresses only, so a name that resolves
//! anew at connect time cannot lead elsewhere. And redirects are followed by the fetcher itself, through both.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::config::Access;
use crate::stage::host::special;

/// Limit for one name look-up.
pub(super) const DNS_LIMIT: Duration = Duration::from_secs(5);

/// Addresses of one name that are tried; a name with a thousand would only buy an attacker time.
const ADDRESSES_MAX: usize = 16;

/// Why a request was refused before any connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Neither http nor https.
    #[error("refuses the scheme {0}: only http and https are fetched")]
    Scheme(String),
    /// A port that is neither 80 nor 443 nor in `ports`.
    #[error("refuses port {0}: feeds are on 80 and 443")]
    Port(u16),
    /// An address outside the public internet that is not in `allow`.
    #[error("refuses to connect to {}: {kind}", place(name.as_deref(), *address))]
    Address {
        /// The name that led there, if there was one.
        name: Option<String>,
        /// The address.
        address: IpAddr,
        /// What it is.
        kind: &'static str,
    },
    /// What this site publishes itself.
    #[error("refuses {0}: this site publishes it, and would follow its own feeds")]
    Own(String),
}

impl Forbidden {
    /// What an operator can do who means it; only for an address of the operator's own, never for where a redirect leads.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Port(_) => "; if it is meant, add it to ports in this [[source]]",
            Self::Address { .. } => "; if it is yours, add its network to allow in this [[source]]",
            Self::Scheme(_) | Self::Own(_) => "",
        }
    }
}

fn place(name: Option<&str>, address: IpAddr) -> String {
    name.map_or_else(|| address.to_string(), |name| format!("{name}, which is {address}"))
}

/// What may be reached.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Networks outside the public internet.
    pub allow: Vec<IpNet>,
    /// Ports besides 80 and 443.
    pub ports: Vec<u16>,
}

impl Guard {
    /// This guard, and what the own host of one source is given besides.
    pub fn and(&self, access: &Access) -> Self {
        Self {
            allow: self.allow.iter().chain(&access.allow).copied().collect(),
            ports: self.ports.iter().chain(&access.ports).copied().collect(),
        }
    }

    /// Checks scheme, port and, where the host is an IP literal (in any spelling: the URL parser has folded them), its address.
    ///
    /// # Errors
    /// What may not be reached, and why.
    pub fn url(&self, url: &Url) -> Result<(), Forbidden> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Forbidden::Scheme(url.scheme().to_owned()));
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if !matches!(port, 80 | 443) && !self.ports.contains(&port) {
            return Err(Forbidden::Port(port));
        }
        match url.host() {
            Some(Host::Ipv4(address)) => self.address(address.into(), None),
            Some(Host::Ipv6(address)) => self.address(address.into(), None),
            // A name is checked when it is resolved.
            Some(Host::Domain(_)) => Ok(()),
            None => Err(Forbidden::Scheme(url.scheme().to_owned())),
        }
    }

    /// Checks one address; `name` is what resolved to it.
    ///
    /// # Errors
    /// [`Forbidden::Address`].
    pub fn address(&self, address: IpAddr, name: Option<&str>) -> Result<(), Forbidden> {
        let canonical = address.to_canonical();
        match special(canonical) {
            Some(kind) if !self.allow.iter().any(|network| network.contains(&canonical)) => {
                Err(Forbidden::Address { name: name.map(str::to_owned), address, kind })
            }
            _ => Ok(()),
        }
    }
}

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAddress {
    #[error("the name servers did not answer within {} s", DNS_LIMIT.as_secs())]
    Slow,
    #[error("{}", resolver_says(_0))]
    Failed(io::Error),
    #[error("the name has no address")]
    Empty,
    #[error(transparent)]
    Forbidden(Forbidden),
}

/// The system's resolver has an error code for these two and nothing but words for it by the time it gets here.
fn resolver_says(error: &io::Error) -> String {
    let words = error.to_string();
    match words.trim_start_matches("failed to lookup address information: ") {
        "Name or service not known" | "No address associated with hostname" | "nodename nor servname provided, or not known" => {
            "there is no such name, or it has no address".to_owned()
        }
        "Temporary failure in name resolution" => "the name servers failed".to_owned(),
        other => other.chars().filter(|c| !c.is_control()).take(200).collect(),
    }
}

/// Looks a name up; the system's way, except in tests.
pub(crate) type Lookup = Arc<dyn Fn(String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> + Send + Sync>;

/// The system's resolver.
pub(super) fn system_lookup() -> Lookup {
    Arc::new(|name| Box::pin(async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.map(|found| found.ip()).collect()) }))
}

/// The client's only resolver: connections go to the very addresses that were checked, so there is no second look-up to poison.
pub(super) struct Vetted {
    pub(super) guard: Arc<Guard>,
    pub(super) lookup: Lookup,
}

impl Resolve for Vetted {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, lookup) = (self.guard.clone(), self.lookup.clone());
        Box::pin(async move {
            let found = look(&lookup, name.as_str()).await;
            let good = found
                .and_then(|found| vet(&guard, name.as_str(), &found))
                .map_err(|why| Box::new(why) as Box<dyn StdError + Send + Sync>)?;
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// A name's addresses, none of them looked at.
pub(super) async fn look(lookup: &Lookup, name: &str) -> Result<Vec<IpAddr>, NoAddress> {
    match tokio::time::timeout(DNS_LIMIT, lookup(name.to_owned())).await {
        Ok(found) => found.map_err(NoAddress::Failed),
        Err(_) => Err(NoAddress::Slow),
    }
}

/// Whether all addresses that `url` may lead to are on the public internet; each must be one that `guard` lets pass. For requests that
/// somebody else makes, who may take any of them.
pub(super) async fn is_outside(guard: &Guard, lookup: &Lookup, url: &Url) -> Result<bool, NoAddress> {
    let (found, name) = match url.host() {
        Some(Host::Ipv4(address)) => (vec![address.into()], None),
        Some(Host::Ipv6(address)) => (vec![address.into()], None),
        Some(Host::Domain(name)) => (look(lookup, name).await?, Some(name)),
        None => (Vec::new(), None),
    };
    if found.is_empty() {
        return Err(NoAddress::Empty);
    }
    for address in &found {
        guard.address(*address, name).map_err(NoAddress::Forbidden)?;
    }
    Ok(found.iter().all(|address| special(address.to_canonical()).is_none()))
}

/// Of a name's addresses those that may be connected to; the first refusal if there are none.
fn vet(guard: &Guard, name: &str, found: &[IpAddr]) -> Result<Vec<SocketAddr>, NoAddress> {
    let mut refused = None;
    let mut good = Vec::new();
    for address in found {
        match guard.address(*address, Some(name)) {
            // Port 0: the client puts the URL's in.
            Ok(()) if good.len() < ADDRESSES_MAX => good.push(SocketAddr::new(*address, 0)),
            Ok(()) => {}
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    match refused {
        Some(why) if good.is_empty() => Err(NoAddress::Forbidden(why)),
        None if good.is_empty() => Err(NoAddress::Empty),
        _ => Ok(good),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn guard(allow: &[&str], ports: &[u16]) -> Guard {
        Guard { allow: allow.iter().map(|net| net.parse().unwrap()).collect(), ports: ports.to_vec() }
    }

    fn refuses(guard: &Guard, host: &str) -> bool {
        let url = Url::parse(&format!("http://{host}/feed")).unwrap_or_else(|e| panic!("{host}: {e}"));
        matches!(guard.url(&url), Err(Forbidden::Address { .. }))
    }

    #[test]
    fn every_spelling_of_a_special_address_is_refused() {
        let closed = guard(&[], &[]);
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0177.0.0.1",
            "2130706433",
            "0x7f000001",
            "127.0.0.1.",
            "0",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[fc00::1]",
            "[fdff::1]",
            "[fe80::1]",
            "[febf::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[::127.0.0.1]",
            "[::8.8.8.8]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::192.168.0.1]",
            "[64:ff9b:1::8.8.8.8]",
            "[2002:7f00:1::]",
            "[2002:808:808::]",
            "[2001::1]",
            "[2001:0:7f00:1::]",
            "[2001:2::1]",
            "[2001:10::1]",
            "[2001:20::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[5f00::1]",
            "[100::1]",
            "[::ffff:0:7f00:1]",
            "①②⑦.⓪.⓪.①",
            "%31%32%37.0.0.1",
        ] {
            assert!(refuses(&closed, host), "{host}");
        }
    }

    #[test]
    fn public_addresses_pass() {
        let closed = guard(&[], &[]);
        for host in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "[2606:4700::1111]",
            "[2a00:1450::1]",
            "[2001:200::1]",
            "[2001:4860:4860::8888]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::8.8.8.8]",
            "[3ffe::1]",
        ] {
            assert!(!refuses(&closed, host), "{host}");
        }
    }

    #[test]
    fn an_allowed_network_opens_itself_and_nothing_else() {
        let guard = guard(&["127.0.0.0/8", "fd00::/8"], &[]);
        for (host, refused) in [
            ("127.0.0.1", false),
            ("[::ffff:127.0.0.1]", false),
            ("[fd00::1]", false),
            ("[::1]", true),
            ("10.0.0.1", true),
            ("[64:ff9b::127.0.0.1]", true),
        ] {
            assert_eq!(refuses(&guard, host), refused, "{host}");
        }
    }

    #[test]
    fn only_web_schemes_and_named_ports_pass() {
        let guard = guard(&[], &[8080]);
        for (url, expected) in [
            ("http://a.example/", Ok(())),
            ("https://a.example/", Ok(())),
            ("https://a.example:80/", Ok(())),
            ("http://a.example:8080/", Ok(())),
            ("http://a.example:6379/", Err(Forbidden::Port(6379))),
            ("http://a.example:0/", Err(Forbidden::Port(0))),
            ("ftp://a.example/", Err(Forbidden::Scheme("ftp".into()))),
            ("file:///etc/passwd", Err(Forbidden::Scheme("file".into()))),
            ("data:text/xml,x", Err(Forbidden::Scheme("data".into()))),
            ("gopher://a.example:80/", Err(Forbidden::Scheme("gopher".into()))),
        ] {
            assert_eq!(guard.url(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn of_mixed_addresses_only_the_public_are_used() {
        let closed = guard(&[], &[]);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let good = vet(&closed, "x.example", &[ip("10.0.0.1"), ip("8.8.8.8"), ip("::1")]).unwrap();
        assert_eq!(good, [SocketAddr::new(ip("8.8.8.8"), 0)]);
        let refused = vet(&closed, "x.example", &[ip("10.0.0.1")]).unwrap_err().to_string();
        assert_eq!(refused, "refuses to connect to x.example, which is 10.0.0.1: a private address");
        assert!(matches!(vet(&closed, "x.example", &[]), Err(NoAddress::Empty)));
        assert_eq!(vet(&closed, "x.example", &[ip("8.8.8.8"); 1000]).unwrap().len(), ADDRESSES_MAX);
    }

    proptest::proptest! {
        #[test]
        fn an_ipv4_address_is_judged_alike_in_every_live_embedding(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let closed = guard(&[], &[]);
            let plain = closed.address(v4.into(), None).is_ok();
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            proptest::prop_assert_eq!(closed.address(v4.to_ipv6_mapped().into(), None).is_ok(), plain);
            proptest::prop_assert_eq!(closed.address(Ipv6Addr::new(0x64, 0xFF9B, 0, 0, 0, 0, high, low).into(), None).is_ok(), plain);
            proptest::prop_assert!(closed.address(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 0).into(), None).is_err());
        }
    }
}
