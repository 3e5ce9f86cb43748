//! Requests through the operator's proxy (S7).
//!
//! A proxy looks names up itself and connects where this machine cannot, so it could be led into the network that it stands in. Before a
//! request is given to it, the name is looked up here too, and every address of it must be one that the guard lets pass: the proxy may
//! take any. What is not on the public internet is asked directly, or not at all. A name server that answers the proxy otherwise than
//! this machine is beyond what can be checked here; there the proxy's own rules are the last word.

use std::error::Error as StdError;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::guard::{self, Guard, Lookup, NoAddress};
use super::{FetchError, Recipe};
use crate::config::Proxy;

/// A client that asks the proxy for everything.
#[derive(Clone, Debug)]
pub(super) struct Detour {
    pub(super) client: reqwest::Client,
    /// The proxy's host and port.
    pub(super) place: Arc<str>,
    lookup: Dial,
}

impl Detour {
    pub(super) fn new(recipe: &Recipe, proxy: &Proxy) -> Result<Self, FetchError> {
        let lookup = Dial(recipe.lookup.clone());
        let setup = |why: reqwest::Error| FetchError::Setup(format!("the proxy {}: {}", proxy.place(), why.without_url()));
        let through = reqwest::Proxy::all(proxy.address()).map_err(setup)?;
        let client = recipe.builder().proxy(through).dns_resolver(lookup.clone()).build().map_err(setup)?;
        Ok(Self { client, place: proxy.place().into(), lookup })
    }

    /// Whether a request is the proxy's: everything that its URL may lead to is on the public internet. What is in a network that
    /// `guard` allows besides is asked directly.
    ///
    /// # Errors
    /// What may not be reached, or has no address.
    pub(super) async fn takes(&self, url: &Url, guard: &Guard) -> Result<bool, FetchError> {
        guard::is_outside(guard, &self.lookup.0, url).await.map_err(|why| FetchError::no_address(url, why))
    }
}

/// Finds the proxy itself, which may be anywhere: the operator named it. The client asks for no other name, as the proxy looks up the rest.
#[derive(Clone)]
struct Dial(Lookup);

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dial")
    }
}

impl Resolve for Dial {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.0.clone();
        Box::pin(async move {
            let found = guard::look(&lookup, name.as_str()).await.and_then(|found| match found.is_empty() {
                true => Err(NoAddress::Empty),
                false => Ok(found),
            });
            let found = found.map_err(|why| Box::new(why) as Box<dyn StdError + Send + Sync>)?;
            Ok(Box::new(found.into_iter().map(|address| (address, 0_u16).into())) as Addrs)
        })
    }
}
