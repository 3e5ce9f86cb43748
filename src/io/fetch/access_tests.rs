//! What a source's own host is given, and that nobody else gets it.

use std::io::Write as _;
use std::net::TcpListener;

use super::tests::{head, policy, request};
use super::*;

/// An intranet's server at 127.0.0.5, which keeps its connections open. `/out?<url>` redirects; everything else is answered with the
/// path. It notes the heads of its requests.
struct Intranet {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Intranet {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.5:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = heads.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, kept) = (stream.unwrap(), kept.clone());
                std::thread::spawn(move || {
                    loop {
                        let head = head(&mut stream);
                        let Some(path) = head.split(' ').nth(1) else { break };
                        let answer = match path.strip_prefix("/out?") {
                            Some(to) => format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
                            None => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()),
                        };
                        kept.lock().unwrap().push(head);
                        let _ = stream.write_all(answer.as_bytes());
                    }
                });
            }
        });
        Self { port, heads }
    }

    fn count(&self) -> usize {
        self.heads.lock().unwrap().len()
    }
}

/// `intra.example` and `other.example` are the intranet's server; nothing is allowed but by a source's own access.
fn closed() -> Fetcher {
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.5".parse().unwrap()]) }));
    Fetcher::with_lookup(&FetchPolicy { allow: Vec::new(), ..policy(&[]) }, "t", lookup).unwrap()
}

fn with(url: String, access: &Access) -> Request {
    Request { access: access.clone(), ..request(Url::parse(&url).unwrap()) }
}

fn access(port: u16) -> Access {
    Access {
        allow: vec!["127.0.0.0/29".parse().unwrap()],
        ports: vec![port],
        headers: vec![("x-api-key".to_owned(), Secret("hush".to_owned()))],
        ..Access::default()
    }
}

#[tokio::test]
async fn a_source_reaches_its_own_host_in_its_own_network_and_no_other() {
    let intranet = Intranet::new();
    let (port, fetcher) = (intranet.port, closed());
    let own = access(port);
    for host in ["intra.example", "127.0.0.5"] {
        let got = fetcher.get(&with(format!("http://{host}:{port}/out?/feed"), &own)).await.unwrap();
        assert_eq!(got.body, b"/feed", "{host}");
    }
    let reached = intranet.count();
    let elsewhere = Access { allow: vec!["10.0.0.0/8".parse().unwrap()], ..own.clone() };
    let no_port = Access { ports: Vec::new(), ..own.clone() };
    for (access, url, told) in [
        // Another source, and the same host.
        (&Access::default(), format!("http://intra.example:{port}/"), "refuses port"),
        (&Access { ports: vec![port], ..Access::default() }, format!("http://intra.example:{port}/"), "add its network to allow in this"),
        (&Access { ports: vec![port], ..Access::default() }, format!("http://127.0.0.5:{port}/"), "this machine itself"),
        // Its own host, outside its network and ports.
        (&elsewhere, format!("http://intra.example:{port}/"), "refuses to connect to intra.example, which is 127.0.0.5"),
        (&no_port, format!("http://intra.example:{port}/"), "add it to ports in this [[source]]"),
    ] {
        let error = fetcher.get(&with(url, access)).await.unwrap_err();
        assert!(error.class() == "forbidden" && error.to_string().contains(told), "{told}: {error}");
    }
    // Its own redirects, to other hosts of its network, and to another port of its host.
    for to in [format!("http://other.example:{port}/"), format!("http://127.0.0.5:{port}/"), "http://intra.example:6379/".to_owned()] {
        let error = fetcher.get(&with(format!("http://intra.example:{port}/out?{to}"), &own)).await.unwrap_err();
        assert!(matches!(error, FetchError::ForbiddenHop { .. }) && !error.to_string().contains("[[source]]"), "{to}: {error}");
    }
    assert_eq!(intranet.count(), reached + 3, "only the redirects themselves were asked for");
}

#[tokio::test]
async fn another_sources_redirect_inherits_neither_the_network_nor_an_open_connection() {
    let intranet = Intranet::new();
    let (port, own) = (intranet.port, access(intranet.port));
    // 127.0.0.77 stands for the public internet.
    let outside = super::ssrf::redirector();
    let public = outside.local_addr().unwrap().port();
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.5".parse().unwrap()]) }));
    let open = FetchPolicy { allow: vec!["127.0.0.77/32".parse().unwrap()], ..policy(&[public, port]) };
    let fetcher = Fetcher::with_lookup(&open, "t", lookup).unwrap();
    let intra = format!("http://intra.example:{port}/feed");
    fetcher.get(&with(intra.clone(), &own)).await.unwrap();
    // The connection is in the pool now.
    let other = with(format!("http://127.0.0.77:{public}/to?{intra}"), &Access::default());
    assert!(matches!(fetcher.get(&other).await, Err(FetchError::ForbiddenHop { .. })));
    // Not even for a source with the same access, since it is another's host.
    let other = with(format!("http://127.0.0.77:{public}/to?{intra}"), &own);
    assert!(matches!(fetcher.get(&other).await, Err(FetchError::ForbiddenHop { .. })));
    // And not for its own, once it has been elsewhere: what to ask for was chosen there.
    let back = with(format!("http://intra.example:{port}/out?http://127.0.0.77:{public}/to?{intra}"), &own);
    assert!(matches!(fetcher.get(&back).await, Err(FetchError::ForbiddenHop { .. })));
    assert_eq!(intranet.count(), 2, "the first request, and the redirect outwards");
}

#[tokio::test]
async fn headers_go_to_the_own_origin_only() {
    let (own, other) = (Intranet::new(), Intranet::new());
    let fetcher = Fetcher::new(&policy(&[own.port, other.port]), "t").unwrap();
    let access = access(own.port);
    let start = format!("http://127.0.0.5:{}/out?/out?http://127.0.0.5:{}/out?http://127.0.0.5:{}/back", own.port, other.port, own.port);
    let got = fetcher.get(&with(start, &access)).await.unwrap();
    assert_eq!(got.body, b"/back");
    let sent =
        |intranet: &Intranet| -> Vec<bool> { intranet.heads.lock().unwrap().iter().map(|head| head.contains("x-api-key: hush")).collect() };
    assert_eq!((sent(&own), sent(&other)), (vec![true, true, false], vec![false]));
    assert!(!format!("{access:?} {fetcher:?}").contains("hush"));
}

#[tokio::test]
async fn an_answer_that_access_opened_is_no_twins_and_one_that_nobody_had_to_open_is() {
    use crate::stage::poll::Asked;
    let intranet = Intranet::new();
    let port = intranet.port;
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.5".parse().unwrap()]) }));
    let fetcher = Fetcher::with_lookup(&policy(&[port]), "t", lookup).unwrap();
    let gate = HostGate::new(&policy(&[]), Arc::default(), []);
    let poll = async |source: &str, access: Access| {
        let poller = Poller { source: source.into(), how: Asked::First, fresh_for: Duration::from_secs(600) };
        let request = with(format!("http://intra.example:{port}/feed"), &access);
        let got = fetcher.get_polled(&request, &poller, &mut gate.enter("intra.example").await).await.unwrap();
        (got.body.len(), got.wire_bytes, got.from_twin)
    };
    let (headers, network) = (Access { allow: Vec::new(), ..access(port) }, Access { headers: Vec::new(), ..access(port) });
    // Neither is kept for others nor served by others.
    for (source, access) in [("a", headers.clone()), ("b", network.clone()), ("c", Access::default()), ("d", headers), ("e", network)] {
        assert_eq!(poll(source, access).await, (5, 5, false), "{source}");
    }
    assert_eq!(intranet.count(), 5);
    assert_eq!(poll("f", Access::default()).await, (5, 0, true));
    assert_eq!(poll("c", Access::default()).await, (5, 5, false), "its own answer is no answer");
    assert_eq!(intranet.count(), 6);
    // Twins that are polled at once: one of them asks.
    let url = || format!("http://intra.example:{port}/at-once");
    let twins = (0..20).map(|n| {
        let poller = Poller { source: n.to_string(), how: Asked::First, fresh_for: Duration::from_secs(600) };
        let (fetcher, gate, request) = (&fetcher, &gate, with(url(), &Access::default()));
        async move { fetcher.get_polled(&request, &poller, &mut gate.enter("intra.example").await).await.unwrap().body }
    });
    assert_eq!(futures_util::future::join_all(twins).await, vec![b"/at-once".to_vec(); 20]);
    assert_eq!(intranet.count(), 7);
}

#[tokio::test]
async fn a_redirect_to_what_this_site_publishes_is_refused() {
    let intranet = Intranet::new();
    let text = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"http://127.0.0.5:{}/\"\n[[source]]\nid = \"a\"\nurl = \"https://a.example/\"\n",
        intranet.port
    );
    let site = crate::config::check(std::path::Path::new("f"), &text).unwrap();
    let fetcher = Fetcher::new(&policy(&[intranet.port]), "t").unwrap().refusing(site.published());
    let url = format!("http://127.0.0.5:{}/out?/topic/x/feed.atom", intranet.port);
    let error = fetcher.get(&with(url, &Access::default())).await.unwrap_err();
    assert!(error.to_string().ends_with("/topic/x/feed.atom: this site publishes it, and would follow its own feeds"), "{error}");
    assert_eq!(intranet.count(), 1);
}
