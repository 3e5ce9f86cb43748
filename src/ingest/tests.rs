//! One poll, from an answer on the wire to what is published.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use super::*;
use crate::config;
use crate::io::fetch::Lookup;
use crate::publisher::{self, Scope};
use crate::record::Draft;
use crate::store::sqlite::SqliteStore;

/// The record and every published byte of a feed with one entry, that `http://dev.example/blog/feed` answers with these headers.
async fn published(headers: &str, feed: String) -> (Draft, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{feed}", feed.len());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(answer.as_bytes());
    });
    let text = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nallow = [\"127.0.0.0/8\"]\nports = [{port}]\n\
         [[source]]\nid = \"dev\"\nurl = \"http://dev.example:{port}/blog/feed\"\n\
         [[topic]]\ncategory = \"Test: Telehealth\"\nany = [\"telehealth\"]\n"
    );
    let dir = tempfile::tempdir().unwrap();
    let mut site = config::check(&dir.path().join("feeds.toml"), &text).unwrap();
    (site.store, site.output) = (dir.path().join("s.db"), dir.path().join("output"));
    // A public name; that it leads to loopback is the test's doing.
    let lookup: Lookup = Arc::new(|_| Box::pin(async { Ok(vec!["127.0.0.1".parse().unwrap()]) }));
    let fetcher = Fetcher::with_lookup(&site.fetch, "t", lookup).unwrap();
    let store: SharedStore = Arc::new(Mutex::new(SqliteStore::open(&site.store).unwrap()));
    let site = Arc::new(site);
    let ingest = Ingest::new(Arc::clone(&site), Arc::clone(&store)).unwrap().with_fetcher(fetcher);
    let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let polled = ingest.poll(0, now).await.unwrap();
    assert_eq!(polled.state.new, 1, "{:?}", polled.state.failure);
    publisher::publish(&site, &store, Scope::Changed).unwrap();
    let record = locked(&store).records(&[1]).unwrap().remove(0);
    let mut all = String::new();
    gather(&site.output, &mut all);
    (record.draft, all)
}

fn gather(dir: &Path, all: &mut String) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { gather(&path, all) } else { *all += &String::from_utf8_lossy(&crate::io::file::read(&path).unwrap()) }
    }
}

fn feed(channel: &str, item: &str) -> String {
    format!("<rss version=\"2.0\"><channel><title>Dev</title>{channel}<item><title>Telehealth</title>{item}</item></channel></rss>")
}

/// S21.
#[tokio::test]
async fn links_into_private_networks_are_not_published_and_the_entry_is() {
    let local = "http://localhost:4000/2026/a";
    let item = format!(
        "<link>{local}</link><guid>{local}</guid><description>&lt;p&gt;&lt;a href=\"{local}\"&gt;More&lt;/a&gt; of it.&lt;/p&gt;</description>\
         <enclosure url=\"http://192.168.1.2/a.mp3\" type=\"audio/mpeg\" length=\"1\"/>\
         <source url=\"http://build.local/feed\">Build</source>"
    );
    let (draft, all) = published("", feed("<link>http://localhost:4000/</link>", &item)).await;
    assert_eq!(draft.summary, "More of it.");
    assert!(draft.original.starts_with("http://dev.example:"), "{}", draft.original);
    assert!(all.contains("Telehealth") && all.contains("More of it."));
    for private in ["localhost", "192.168.1.2", "build.local"] {
        assert!(!all.contains(private), "{private}");
    }
}

/// RFC 9110 sections 8.5 and 8.7.
#[tokio::test]
async fn language_and_base_come_from_the_headers_where_the_document_has_none() {
    let headers = "Content-Language: fi\r\nContent-Location: /uutiset/feed.fi.xml\r\n";
    let item = "<link>a</link><guid isPermaLink=\"false\">1</guid>";
    let (draft, _) = published(headers, feed("", item)).await;
    assert_eq!(draft.language.as_deref(), Some("fi"));
    assert!(draft.href.ends_with("/uutiset/a"), "{}", draft.href);
    let (draft, _) = published(headers, feed("<language>sv</language>", item)).await;
    assert_eq!(draft.language.as_deref(), Some("sv"), "the document knows better");
    let (draft, _) = published("Content-Location: https://evil.example/feed\r\n", feed("", item)).await;
    assert!(draft.href.starts_with("http://dev.example:") && draft.href.ends_with("/blog/a"), "{}", draft.href);
    assert_eq!(draft.language, None);
}
