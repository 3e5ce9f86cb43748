//! What publishers declare of their articles besides a notice and a licence: values that entries and records both carry.

use serde::{Deserialize, Serialize};

/// What a publisher reserves where programs read (acceptance P6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Reservation {
    /// Address of its terms for programs: an RSL document, or a feed that holds them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rsl: Option<String>,
    /// Whether text and data mining is reserved (TDMRep).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mining: bool,
    /// Address of its policy on mining.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// `noai`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub noai: bool,
    /// `noimageai`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub noimageai: bool,
}

impl Reservation {
    /// Itself, unless nothing is reserved. A policy alone reserves nothing (TDMRep section 3).
    #[must_use]
    pub fn some(self) -> Option<Self> {
        let policy = self.policy.filter(|_| self.mining);
        Some(Self { policy, ..self }).filter(|reservation| *reservation != Self::default())
    }

    /// What either of two reserves; where both name an address, the first's.
    #[must_use]
    pub fn joined(one: Option<&Self>, other: Option<&Self>) -> Option<Self> {
        let (one, other) = match (one, other) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => return one.or(other).cloned(),
        };
        Some(Self {
            rsl: one.rsl.clone().or_else(|| other.rsl.clone()),
            mining: one.mining || other.mining,
            policy: one.policy.clone().or_else(|| other.policy.clone()),
            noai: one.noai || other.noai,
            noimageai: one.noimageai || other.noimageai,
        })
    }

    /// The directives for robots, as they are written.
    pub fn directives(&self) -> impl Iterator<Item = &'static str> {
        [("noai", self.noai), ("noimageai", self.noimageai)].into_iter().filter(|(_, is)| *is).map(|(directive, _)| directive)
    }

    /// In words, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let rsl = self.rsl.as_ref().map(|url| format!("terms for programs (RSL) at {url}"));
        let policy = self.policy.as_ref().map(|url| format!(" with a policy at {url}")).unwrap_or_default();
        let mining = self.mining.then(|| format!("text and data mining reserved (TDMRep){policy}"));
        rsl.into_iter().chain(mining).chain(self.directives().map(str::to_owned)).collect::<Vec<_>>().join(", ")
    }
}

/// Whose interest an article serves besides its readers', as its publisher declares (acceptance P13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promotion {
    /// Somebody paid for it.
    Sponsored,
    /// Whom it is about wrote it.
    PressRelease,
}

impl Promotion {
    /// The word for it in files and feeds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sponsored => "sponsored",
            Self::PressRelease => "press-release",
        }
    }

    /// The label that readers see.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Sponsored => "Sponsored",
            Self::PressRelease => "Press release",
        }
    }
}
