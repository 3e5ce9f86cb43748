//! Which hosts share one budget of requests: one pace, and one wait after a 429.

use std::borrow::Cow;
use std::collections::HashMap;

use super::site::Site;

/// Platforms that count the requests for all their sites together (F35).
const PLATFORMS: [&str; 1] = ["substack.com"];

/// What the requests to each host are counted under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    groups: HashMap<String, String>,
}

impl Budgets {
    /// Budgets with these groups, by host.
    #[must_use]
    pub fn new(groups: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { groups: groups.into_iter().map(|(host, group)| (host, format!("group {group}"))).collect() }
    }

    /// The name of a host's budget: its group, as the configuration says (`host_group` of its sources), else the platform that it belongs
    /// to, else itself. The first has a blank and the second an asterisk, which no host has.
    #[must_use]
    pub fn name<'a>(&'a self, host: &'a str) -> Cow<'a, str> {
        if let Some(group) = self.groups.get(host) {
            return Cow::Borrowed(group);
        }
        let platform = PLATFORMS.iter().find(|platform| host.strip_suffix(**platform).is_some_and(|site| site.ends_with('.')));
        platform.map_or(Cow::Borrowed(host), |platform| Cow::Owned(format!("*.{platform}")))
    }
}

impl Site {
    /// The budgets that its sources' requests are counted under.
    #[must_use]
    pub fn budgets(&self) -> Budgets {
        let group = |source: &super::Source| Some((source.url.host_str()?.to_owned(), source.host_group.clone()?));
        Budgets::new(self.sources.iter().filter_map(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_groups_a_platforms_or_a_hosts() {
        let budgets = Budgets::new([("a.example".to_owned(), "x".to_owned()), ("own.substack.com".to_owned(), "y".to_owned())]);
        for (host, name) in [
            ("a.example", "group x"),
            ("b.example", "b.example"),
            ("one.substack.com", "*.substack.com"),
            ("own.substack.com", "group y"),
            ("substack.com", "substack.com"),
            ("notsubstack.com", "notsubstack.com"),
        ] {
            assert_eq!(budgets.name(host), name);
        }
    }
}
