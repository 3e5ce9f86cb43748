//! Which hosts are on the public internet, as far as a name or an address tells, and where a source's links may lead.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::config::Source;

/// Ends of names that mean something on somebody's own network only (RFC 6761, 6762 and 8375, and what routers hand out).
const PRIVATE_ENDS: [&str; 8] = ["localhost", "localdomain", "local", "lan", "internal", "intranet", "home.arpa", "test"];

/// What an address is if it is not on the public internet: the IANA special-purpose registries (RFC 6890 and its updates), multicast,
/// and for IPv6 whatever is outside 2000::/3. An address that carries an IPv4 address is as good as that one where the way is still in
/// use (mapped, NAT64's well-known prefix), and refused whole where it is not (compatible, 6to4, Teredo, local NAT64).
#[must_use]
pub fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "an address of no host",
        [127, ..] => "this machine itself",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [100, 64..=127, ..] => "an address inside a provider's network",
        [169, 254, ..] => "a link-local address",
        [192, 0, 0, _] => "an address for protocols",
        [192, 88, 99, _] => "a 6to4 relay",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "an address for documentation",
        [198, 18..=19, ..] => "an address for benchmarks",
        [224..=239, ..] => "a multicast address",
        [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let embedded = || {
        let [.., a, b, c, d] = address.octets();
        special_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xFFFF, ..] | [0x64, 0xFF9B, 0, 0, 0, 0, ..] => embedded(),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("this machine itself"),
        [0, 0, 0, 0, 0, 0, ..] => Some("an address of no host"),
        [0x64, 0xFF9B, 1, ..] => Some("a local translation address (NAT64)"),
        [0xFC00..=0xFDFF, ..] => Some("a private address"),
        [0xFE80..=0xFEFF, ..] => Some("a link-local address"),
        [0xFF00..=0xFFFF, ..] => Some("a multicast address"),
        [0x2001, 0, ..] => Some("a Teredo address"),
        [0x2001, 0x0001..=0x01FF, ..] => Some("an address for protocols"),
        [0x2001, 0x0DB8, ..] | [0x3FFF, 0..=0x0FFF, ..] => Some("an address for documentation"),
        [0x2002, ..] => Some("a 6to4 address"),
        [0x2000..=0x3FFF, ..] => None,
        _ => Some("a reserved address"),
    }
}

/// Whether a reader could reach this host from the public internet, as far as its name or address tells.
#[must_use]
pub fn is_public(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let is_under = |end: &&str| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            name.contains('.') && !PRIVATE_ENDS.iter().any(is_under)
        }
        Host::Ipv4(address) => special_v4(*address).is_none(),
        Host::Ipv6(address) => special(IpAddr::V6(*address).to_canonical()).is_none(),
    }
}

/// Where the links of a source's entries may lead: anywhere on the public internet (S21). Only a source that is on a private network
/// itself may link into one; what a stranger says there is at `localhost` is the stranger's own machine, and to a reader, the reader's.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// The source's address: the base of links that have none.
    pub home: &'a Url,
    is_private: bool,
}

impl<'a> Reach<'a> {
    /// Of a source: it is on a private network if its host is, or if the operator gave it one.
    #[must_use]
    pub fn of(source: &'a Source) -> Self {
        let reach = Self::at(&source.url);
        Self { is_private: reach.is_private || !source.access.allow.is_empty(), ..reach }
    }

    /// Of a source of which nothing is known but its address.
    #[must_use]
    pub fn at(home: &'a Url) -> Self {
        Self { home, is_private: !home.host().is_some_and(|host| is_public(&host)) }
    }

    /// Whether a link may be published.
    #[must_use]
    pub fn holds(&self, link: &Url) -> bool {
        self.is_private || link.host().is_some_and(|host| is_public(&host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn names_and_addresses_of_private_networks_are_not_public() {
        for (host, wanted) in [
            ("news.example", true),
            ("notlocal.example", true),
            ("latest.example", true),
            ("93.184.216.34", true),
            ("[2606:2800::1]", true),
            ("localhost", false),
            ("localhost.", false),
            ("blog.localhost", false),
            ("intranet", false),
            ("printer.local", false),
            ("nas.home.arpa", false),
            ("wiki.intranet", false),
            ("10.1.2.3", false),
            ("0x7f.1", false),
            ("100.64.0.1", false),
            ("[::1]", false),
            ("[::ffff:10.0.0.1]", false),
            ("[64:ff9b::a00:1]", false),
            ("[fd00::1]", false),
        ] {
            assert_eq!(is_public(&url(&format!("http://{host}/")).host().unwrap()), wanted, "{host}");
        }
    }

    #[test]
    fn only_a_source_in_a_private_network_links_into_one() {
        let (public, private) = (url("https://news.example/feed"), url("http://localhost:4000/feed"));
        for (home, link, wanted) in [
            (&public, "https://other.example/", true),
            (&public, "http://localhost:4000/a", false),
            (&public, "http://192.168.0.1/a", false),
            (&private, "http://wiki.local/a", true),
            (&private, "https://other.example/", true),
        ] {
            assert_eq!(Reach::at(home).holds(&url(link)), wanted, "{home} {link}");
        }
    }
}
