//! Every spelling of a private address (acceptance S1), on every way to it, on every path that fetches: nothing is ever connected to.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::tests::policy;
use super::*;
use crate::cli::parse;
use crate::config;
use crate::ingest::{Ingest, SharedStore};
use crate::scheduler;
use crate::store::sqlite::SqliteStore;

/// The rows: hosts as they stand in a URL.
const FORMS: [&str; 54] = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "10.0.0.1",
    "10.255.255.254",
    "100.64.0.1",
    "100.127.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.254",
    "192.0.0.8",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.254",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[fc00::1]",
    "[fdff::1]",
    "[fe80::1]",
    "[febf::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::10.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::]",
    "[2002:a9fe:a9fe::]",
    "[2001:0:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
    "[2001:db8::1]",
    "[100::1]",
    "①②⑦.⓪.⓪.①",
    "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
    "%31%32%37.0.0.1",
    "127。0。0。1",
];

/// The columns: how the address is reached.
const WAYS: [&str; 4] = ["direct", "redirect", "dns", "rebind"];

/// What fetches: polls by kind, `topicwire parse`, what polls ask for besides (archives, files of sitemaps, next pages, offered feeds),
/// article pages and pictures, each with its robots.txt, and hubs.
const PATHS: [&str; 9] = ["feed", "page", "sitemap", "opml", "parse", "besides", "article", "picture", "hub"];

/// Those that are sources of a kind.
const KINDS: [&str; 4] = ["feed", "page", "sitemap", "opml"];

/// Counts connections on every local address, and answers none.
struct Canary {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Canary {
    fn new() -> Self {
        let visits = Arc::new(AtomicUsize::new(0));
        let v4 = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = v4.local_addr().unwrap().port();
        let mut listeners = vec![v4];
        // A machine without IPv6 has nothing to guard there.
        listeners.extend(TcpListener::bind(("::1", port)));
        for listener in listeners {
            let visits = visits.clone();
            std::thread::spawn(move || {
                for _ in listener.incoming() {
                    visits.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { port, visits }
    }
}

/// An honest host, as far as the guard can tell: it may be reached, and redirects to `/to?<url>`, with each redirecting status in turn.
pub(super) fn redirector() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.77:0").unwrap();
    let accepting = listener.try_clone().unwrap();
    std::thread::spawn(move || {
        for (count, stream) in accepting.incoming().enumerate() {
            let status = [301, 302, 303, 307, 308][count % 5];
            std::thread::spawn(move || super::tests::redirect(stream.unwrap(), status));
        }
    });
    listener
}

/// Where each form leads in the DNS columns.
fn address(form: &str) -> IpAddr {
    match Url::parse(&format!("http://{form}/")).unwrap().host().unwrap() {
        url::Host::Ipv4(address) => address.into(),
        url::Host::Ipv6(address) => address.into(),
        url::Host::Domain(name) => panic!("{name} is a name"),
    }
}

struct Stage {
    canary: Canary,
    _redirector: TcpListener,
    redirector_port: u16,
    fetcher: Fetcher,
    policy: FetchPolicy,
}

/// `dns-N.example` is form N. `rebind-N.example` is the redirector at the first question and form N at every later one.
fn stage() -> Stage {
    let (canary, redirector) = (Canary::new(), redirector());
    let redirector_port = redirector.local_addr().unwrap().port();
    let asked: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let lookup: Lookup = Arc::new(move |name| {
        let form = name.trim_end_matches(".example").rsplit('-').next().and_then(|n| n.parse::<usize>().ok());
        let times = {
            let mut asked = asked.lock().unwrap();
            let times = asked.entry(name.clone()).or_default();
            *times += 1;
            *times
        };
        let honest: IpAddr = "127.0.0.77".parse().unwrap();
        let found = match form.and_then(|n| FORMS.get(n)) {
            Some(_) if name.starts_with("rebind") && times == 1 => honest,
            Some(form) => address(form),
            None => honest,
        };
        Box::pin(async move { Ok(vec![found]) })
    });
    let mut policy = policy(&[canary.port, redirector_port]);
    policy.allow = vec!["127.0.0.77/32".parse().unwrap()];
    let fetcher = Fetcher::with_lookup(&policy, "t", lookup).unwrap();
    Stage { canary, _redirector: redirector, redirector_port, fetcher, policy }
}

impl Stage {
    /// `path` keeps the names of one path's rebinding from another's, so that each is resolved for the first time.
    fn url(&self, form: usize, way: &str, path: &str) -> String {
        let (canary, redirector) = (self.canary.port, self.redirector_port);
        match way {
            "direct" => format!("http://{}:{canary}/feed", FORMS[form]),
            "redirect" => format!("http://127.0.0.77:{redirector}/to?http://{}:{canary}/feed", FORMS[form]),
            "dns" => format!("http://dns-{path}-{form}.example:{canary}/feed"),
            _ => format!("http://rebind-{path}-{form}.example:{redirector}/to?http://rebind-{path}-{form}.example:{canary}/feed"),
        }
    }
}

type Cells = BTreeMap<(usize, &'static str, &'static str), String>;

/// Through polls: a source for each kind, form and way.
async fn polled(stage: &Stage, cells: &mut Cells) {
    let mut text = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nhost_gap = 0\nallow = [\"127.0.0.77\"]\nports = [{}, {}]\n",
        stage.canary.port, stage.redirector_port
    );
    let mut keys = Vec::new();
    for form in 0..FORMS.len() {
        for way in WAYS {
            for path in KINDS {
                let url = stage.url(form, way, path);
                text += &format!("[[source]]\nid = \"{path}-{way}-{form}\"\nurl = \"{url}\"\nkind = \"{path}\"\n");
                keys.push((form, path, way));
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let site = config::check(&dir.path().join("feeds.toml"), &text).unwrap();
    let store: SharedStore = Arc::new(Mutex::new(SqliteStore::open(&dir.path().join("s.db")).unwrap()));
    let ingest = Ingest::new(Arc::new(site), store).unwrap().with_fetcher(stage.fetcher.clone());
    let polled = scheduler::round(&ingest, (0..keys.len()).collect(), chrono::DateTime::UNIX_EPOCH, |_| {}).await.unwrap();
    for ((form, path, way), polled) in keys.into_iter().zip(polled) {
        let cell = polled.state.failure.map_or("REACHED".to_owned(), |failure| format!("{}: {}", failure.class, failure.why));
        cells.insert((form, path, way), cell);
    }
}

/// Through `topicwire parse URL`.
async fn parsed(stage: &Stage, cells: &mut Cells) {
    let all = FORMS.iter().enumerate().flat_map(|(form, _)| WAYS.map(|way| (form, way)));
    let fetches = all.map(|(form, way)| async move {
        let url = Url::parse(&stage.url(form, way, "parse")).unwrap();
        let cell = match parse::fetch(&stage.fetcher, url, Access::default(), None).await {
            Ok(_) => "REACHED".to_owned(),
            Err(why) => format!("{}: {why}", why.class()),
        };
        ((form, "parse", way), cell)
    });
    cells.extend(join_all(fetches).await);
}

/// Through everything else that asks somebody else's addresses.
async fn besides(stage: &Stage, cells: &mut Cells) {
    let gate = HostGate::new(&stage.policy, Arc::default(), []);
    let text = "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[[source]]\nid = \"a\"\nurl = \"https://a.example/\"\n";
    let dir = tempfile::tempdir().unwrap();
    let source = config::check(&dir.path().join("feeds.toml"), text).unwrap().sources.remove(0);
    let store: SharedStore = Arc::new(Mutex::new(SqliteStore::open(&dir.path().join("s.db")).unwrap()));
    for form in 0..FORMS.len() {
        for way in WAYS {
            for path in ["besides", "article", "picture", "hub"] {
                let url = Url::parse(&stage.url(form, way, path)).unwrap();
                let told = |error: FetchError| format!("{}: {error}", error.class());
                let came = match path {
                    "besides" => {
                        let mut pass = gate.enter("").await;
                        stage.fetcher.get_paced(&super::tests::request(url), &mut pass).await.map(|_| ()).map_err(told)
                    }
                    "hub" => {
                        let post = Post { url, content_type: "text/plain", headers: Vec::new(), body: Vec::new(), follow: true };
                        stage.fetcher.post_paced(&post, &mut gate.enter("").await).await.map_err(told).and_then(|got| match got.status {
                            // What a POST may not follow is the answer.
                            301..=303 => Err(format!("forbidden: redirected by {}, but not followed", got.final_url)),
                            _ => Ok(()),
                        })
                    }
                    _ => {
                        let edges = (stage.fetcher.clone(), gate.clone(), Arc::clone(&store));
                        let visited = crate::enrich::visited(edges, &source, &url, path == "article").await;
                        visited.map_err(|why| if why.contains("refuses") { format!("forbidden: {why}") } else { why })
                    }
                };
                cells.insert((form, path, way), came.err().unwrap_or_else(|| "REACHED".to_owned()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_spelling_reaches_a_private_address_on_any_way() {
    let stage = stage();
    let mut cells = Cells::new();
    polled(&stage, &mut cells).await;
    parsed(&stage, &mut cells).await;
    besides(&stage, &mut cells).await;

    println!("each cell: {}", WAYS.join(", "));
    println!("{:<42} {}", "form", PATHS.map(|path| format!("{path:<36}")).join(" "));
    let mut whys: BTreeMap<usize, String> = BTreeMap::new();
    for (form, host) in FORMS.iter().enumerate() {
        let row = PATHS.map(|path| {
            WAYS.map(|way| {
                let cell = &cells[&(form, path, way)];
                let (class, why) = cell.split_once(": ").unwrap_or((cell, ""));
                let why = why.rsplit(": ").next().unwrap_or(why).split(';').next().unwrap_or(why);
                whys.entry(form).or_insert_with(|| why.to_owned());
                format!("{:<8}", if class == "forbidden" { "refused" } else { class })
            })
            .join(" ")
        });
        println!("{host:<42} {}  {}", row.join("  "), whys[&form]);
    }
    println!("{} cells; connections to the canary: {}", cells.len(), stage.canary.visits.load(Ordering::SeqCst));

    assert_eq!(cells.len(), FORMS.len() * WAYS.len() * PATHS.len());
    let open: Vec<_> = cells.iter().filter(|(_, cell)| !cell.starts_with("forbidden: ")).collect();
    assert!(open.is_empty(), "{open:?}");
    // Article pages and pictures take each hop as a request of its own.
    for ((form, path, way), cell) in cells.iter().filter(|((_, path, _), _)| !["article", "picture"].contains(path)) {
        let redirected = cell.starts_with("forbidden: redirected by ");
        assert_eq!(redirected, matches!(*way, "redirect" | "rebind"), "{} {path} {way}: {cell}", FORMS[*form]);
    }
    assert_eq!(stage.canary.visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_thousand_tries_at_rebinding_hit_nothing() {
    let stage = stage();
    for n in 0..1_000 {
        let url = Url::parse(&stage.url(0, "rebind", &n.to_string())).unwrap();
        let error = stage.fetcher.get(&super::tests::request(url)).await.unwrap_err();
        assert!(matches!(error, FetchError::ForbiddenHop { .. }), "{error}");
    }
    assert_eq!(stage.canary.visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_canary_does_count() {
    let stage = stage();
    let mut open = stage.policy.clone();
    open.allow.push("127.0.0.1/32".parse().unwrap());
    open.timeout = Duration::from_millis(200);
    let fetcher = Fetcher::new(&open, "t").unwrap();
    for way in ["direct", "redirect"] {
        let before = stage.canary.visits.load(Ordering::SeqCst);
        let url = Url::parse(&stage.url(0, way, "open")).unwrap();
        let _ = fetcher.get(&super::tests::request(url)).await;
        assert!(stage.canary.visits.load(Ordering::SeqCst) > before, "{way}");
    }
}
