//! What goes through a configured proxy, what goes straight, and what goes nowhere (S7).

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener};

use super::tests::{head, policy, request};
use super::*;
use crate::config;

/// A proxy on loopback. It keeps the heads of its requests, and answers as its script says.
struct Stand {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Stand {
    fn new(at: &str, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((at, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = heads.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let head = head(&mut stream);
                let said = answer(&head);
                kept.lock().unwrap().push(head);
                let _ = stream.write_all(said.as_bytes());
                // Closing at once would cut off what is still on its way.
                let _ = stream.shutdown(std::net::Shutdown::Write);
                let _ = stream.read(&mut [0]);
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn fetcher(&self, allow: &str, ports: &[u16]) -> Fetcher {
        fetcher(&format!("http://me:hush@127.0.0.1:{}", self.port), allow, ports)
    }
}

/// Answers with the path, or redirects to what follows `/to?`.
fn passing(head: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or_default();
    match target.split_once("/to?") {
        Some((_, to)) => format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        None => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{target}", target.len()),
    }
}

/// Names as the stage has them: `news.example` is public, `intra.example` is not, `mixed.example` is both, `proxy.example` is here.
fn lookup() -> Lookup {
    Arc::new(|name| {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let found = match name.as_str() {
            "news.example" => vec![ip("93.184.216.34"), ip("2606:2800::1")],
            "intra.example" => vec![ip("127.0.0.5")],
            "mixed.example" => vec![ip("93.184.216.34"), ip("10.0.0.1")],
            "mapped.example" => vec![ip("::ffff:10.0.0.1")],
            "proxy.example" => vec![ip("127.0.0.1")],
            _ => Vec::new(),
        };
        Box::pin(async move { Ok(found) })
    })
}

fn fetcher(proxy: &str, allow: &str, ports: &[u16]) -> Fetcher {
    let text = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nproxy = \"{proxy}\"\n[[source]]\nid = \"a\"\nurl = \"https://a.example/\"\n"
    );
    let site = config::check(std::path::Path::new("f"), &text).unwrap();
    let allow = allow.split_whitespace().map(|network| network.parse().unwrap()).collect();
    let policy = FetchPolicy { allow, proxy: site.fetch.proxy, ..policy(ports) };
    Fetcher::with_lookup(&policy, "t", lookup()).unwrap()
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<Response, FetchError> {
    fetcher.get(&request(Url::parse(url).unwrap())).await
}

#[tokio::test]
async fn what_is_on_the_internet_is_asked_through_the_proxy() {
    let proxy = Stand::new("127.0.0.1", passing);
    let fetcher = proxy.fetcher("", &[]);
    for url in ["http://news.example/feed", "http://93.184.216.34/feed", "http://news.example/to?http://news.example/feed"] {
        let got = get(&fetcher, url).await.unwrap();
        assert!(got.body.ends_with(b"/feed"), "{url}");
    }
    let heads = proxy.heads();
    assert_eq!(heads.len(), 4);
    assert!(heads[0].starts_with("GET http://news.example/feed HTTP/1.1\r\n"), "{}", heads[0]);
    assert!(heads.iter().all(|head| head.to_ascii_lowercase().contains("proxy-authorization: basic bwu6ahvzaa==")), "{heads:?}");
    // The proxy may be where nobody else may go, also by its name.
    let named = super::proxy_tests::fetcher(&format!("http://proxy.example:{}", proxy.port), "", &[]);
    assert_eq!(get(&named, "http://news.example/named").await.unwrap().body, b"http://news.example/named");
}

#[tokio::test]
async fn a_private_target_is_refused_before_the_proxy_hears_of_it() {
    let proxy = Stand::new("127.0.0.1", passing);
    let fetcher = proxy.fetcher("", &[]);
    for host in ["127.0.0.1", "0x7f.1", "2130706433", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]", "①②⑦.⓪.⓪.①"]
        .into_iter()
        .chain(["intra.example", "mixed.example", "mapped.example"])
    {
        for scheme in ["http", "https"] {
            let error = get(&fetcher, &format!("{scheme}://{host}/")).await.unwrap_err();
            assert_eq!(error.class(), "forbidden", "{scheme}://{host}: {error}");
        }
    }
    let error = get(&fetcher, "http://mixed.example/").await.unwrap_err().to_string();
    assert_eq!(
        error,
        "refuses to connect to mixed.example, which is 10.0.0.1: a private address; if it is yours, add its network to allow in this [[source]]"
    );
    assert_eq!(get(&fetcher, "https://none.example/").await.unwrap_err().class(), "dns");
    assert_eq!(proxy.heads(), [""; 0]);
    // Where the proxy's own answer leads.
    for to in ["http://10.0.0.1/", "http://intra.example/", "http://news.example:6379/", "file:///etc/passwd"] {
        let error = get(&fetcher, &format!("http://news.example/to?{to}")).await.unwrap_err();
        assert!(matches!(error, FetchError::ForbiddenHop { .. }), "{to}: {error}");
    }
    assert_eq!(proxy.heads().len(), 4, "the redirects themselves");
}

#[tokio::test]
async fn an_allowed_network_is_asked_directly() {
    let proxy = Stand::new("127.0.0.1", passing);
    let intranet = Stand::new("127.0.0.5", passing);
    let url = format!("http://intra.example:{}/here", intranet.port);
    let fetcher = proxy.fetcher("127.0.0.5/32", &[intranet.port]);
    assert_eq!(get(&fetcher, &url).await.unwrap().body, b"/here");
    // A source's own allowance does the same for its own host.
    let access = Access { allow: vec!["127.0.0.5/32".parse().unwrap()], ports: vec![intranet.port], ..Access::default() };
    let own = Request { access, ..request(Url::parse(&url).unwrap()) };
    assert_eq!(proxy.fetcher("", &[]).get(&own).await.unwrap().body, b"/here");
    assert_eq!((proxy.heads().len(), intranet.heads().len()), (0, 2));
}

#[tokio::test]
async fn a_proxy_that_does_not_connect_is_named_and_its_password_is_not() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let asks = Stand::new("127.0.0.1", |_| "HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n".to_owned());
    let refuses = Stand::new("127.0.0.1", |_| "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_owned());
    for (port, url, told) in [
        (closed, "http://news.example/feed", "the connection was refused"),
        (asks.port, "https://news.example/feed", "it asks for a user name and password, or for others"),
        (refuses.port, "https://news.example/feed", "it refuses to connect there"),
    ] {
        let fetcher = fetcher(&format!("http://me:hush@127.0.0.1:{port}"), "", &[]);
        let error = get(&fetcher, url).await.unwrap_err();
        assert_eq!(error.class(), "proxy");
        assert_eq!(error.to_string(), format!("cannot reach news.example through the proxy 127.0.0.1:{port}: {told}"));
        assert!(!format!("{error:?} {fetcher:?}").contains("hush"));
    }
    assert!(asks.heads()[0].starts_with("CONNECT news.example:443 HTTP/1.1\r\n"), "{:?}", asks.heads());
    let lost = fetcher("http://none.example:3128", "", &[]);
    let error = get(&lost, "http://news.example/feed").await.unwrap_err().to_string();
    assert_eq!(error, "cannot reach news.example through the proxy none.example:3128: the name has no address");
}
