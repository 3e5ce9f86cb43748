//! The review desk over HTTP: who may open it, what each action does, and what it refuses.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};

use crate::common::{Origin, Place, rss};

const TOKEN: &str = "6f1c7d0be2a94853b7a2f0c91d4e8a65";
const RULES: &str = "[[topic]]\ncategory = \"V: Alpha\"\nany = [\"alpha\"]\n\n[[topic]]\ncategory = \"V: Beta\"\nany = [\"beta\"]\n";

/// A service with its desk.
pub(crate) struct Desk {
    pub(crate) place: Place,
    _origin: Origin,
    address: SocketAddr,
    pub(crate) public: SocketAddr,
    service: Child,
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A desk's table, after others.
fn desk_and(rest: &str) -> String {
    format!("{rest}\n[desk]\nlisten = \"127.0.0.1:{}\"\n", free_port())
}

impl Desk {
    /// Three articles; the service runs and has published them.
    fn open() -> Self {
        Self::with(&[
            ("1", "Alpha one", "https://news.example/1", 1),
            ("2", "Alpha <b>two</b>", "https://news.example/2", 2),
            ("3", "Beta three", "https://news.example/3", 3),
        ])
    }

    /// These articles; the service runs and has published them.
    pub(crate) fn with(items: &[(&str, &str, &str, u32)]) -> Self {
        let origin = Origin::start();
        origin.put("/a.xml", "application/rss+xml", rss("News", items));
        let sources = [("a".to_owned(), origin.url("/a.xml"))];
        let place = Place::new(&origin, &sources, &desk_and(RULES));
        place.run(&["refresh"]).expect(0);
        Self::serve(origin, place)
    }

    /// The service of a place that has a desk.
    fn serve(origin: Origin, place: Place) -> Self {
        let mut service = place.command("2026-11-20T13:00:00Z", &["serve", "--listen", "127.0.0.1:0"]);
        service.env("TOPICWIRE_DESK_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut service = service.spawn().unwrap();
        let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
        let mut address = || -> SocketAddr {
            let line = lines.next().unwrap().unwrap();
            line.split("http://").nth(1).unwrap_or_else(|| panic!("{line}")).trim_end_matches('/').parse().unwrap()
        };
        let (public, desk) = (address(), address());
        Self { place, _origin: origin, address: desk, public, service }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(self.address, method, path, headers, body)
    }

    /// Where the desk's own pages come from.
    fn own(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The cookie of a new session.
    pub(crate) fn log_in(&self) -> String {
        let answer = self.ask("POST", "/login", &[("Origin", &self.own())], &format!("token={TOKEN}"));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{}", answer.head);
        answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }

    fn page(&self, cookie: &str, path: &str) -> String {
        let answer = self.ask("GET", path, &[("Cookie", cookie)], "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    fn form_token(&self, cookie: &str) -> String {
        let page = self.page(cookie, "/");
        page.split("name=\"form_token\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    /// What the desk says after an action.
    #[track_caller]
    pub(crate) fn act(&self, cookie: &str, fields: &str) -> String {
        let body = format!("form_token={}&{fields}", self.form_token(cookie));
        let answer = self.ask("POST", "/act", &[("Cookie", cookie), ("Origin", &self.own())], &body);
        assert_eq!(answer.status, 303, "{}", answer.body);
        let location = answer.header("location").unwrap();
        assert!(location.starts_with("/#r") || location.starts_with("/?"), "{location}");
        let page = self.page(cookie, location.split('#').next().unwrap());
        page.split("id=\"note\"").nth(1).unwrap().split("class=\"lines\">").nth(1).unwrap().split("</span>").next().unwrap().to_owned()
    }

    /// What the desk says after an action on a source.
    #[track_caller]
    fn act_on(&self, cookie: &str, source: &str, what: &str) -> String {
        let body = format!("form_token={}&source={source}&do={what}", self.form_token(cookie));
        let answer = self.ask("POST", "/source", &[("Cookie", cookie), ("Origin", &self.own())], &body);
        let place = if source == "s" { "/sources#s-s" } else { "/sources" };
        assert_eq!((answer.status, answer.header("location")), (303, Some(place)), "{}", answer.body);
        let page = self.page(cookie, "/sources");
        page.split("class=\"lines\">").nth(1).unwrap().split("</span>").next().unwrap().to_owned()
    }

    /// Asks for a public feed until it says this, for ten seconds.
    #[track_caller]
    fn until(&self, path: &str, text: &str) {
        let mut last = String::new();
        for _ in 0..200 {
            last = ask(self.public, "GET", path, &[], "").body;
            if last.contains(text) {
                return;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
        panic!("{path} says {last}, and not {text}");
    }

    fn atom(&self, topic: &str) -> String {
        ask(self.public, "GET", &format!("/topic/{topic}/feed.atom"), &[], "").body
    }
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request += &format!("Host: {address}\r\n");
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let all = String::from_utf8_lossy(&all).into_owned();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
    Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
}

#[test]
fn it_opens_to_its_token_alone_and_only_its_own_pages_change_anything() {
    let desk = Desk::open();
    let closed = desk.ask("GET", "/", &[], "");
    assert_eq!(closed.status, 401);
    assert!(closed.body.contains("name=\"token\"") && !closed.body.contains("Alpha one"));
    let policy = closed.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((closed.header("x-content-type-options"), closed.header("cache-control")), (Some("nosniff"), Some("no-store")));
    let origin = desk.own();
    assert_eq!(desk.ask("POST", "/login", &[("Origin", &origin)], "token=wrong").status, 401);
    assert_eq!(desk.ask("POST", "/login", &[], &format!("token={TOKEN}")).status, 403);
    assert_eq!(desk.ask("POST", "/login", &[("Origin", "http://evil.example")], &format!("token={TOKEN}")).status, 403);
    assert_eq!(desk.ask("GET", &format!("/login?token={TOKEN}"), &[], "").status, 405);
    assert_eq!(desk.ask("GET", "/", &[("Host", "desk.evil.example")], "").status, 421);

    let cookie = desk.log_in();
    let token = desk.form_token(&cookie);
    let page = desk.page(&cookie, "/");
    assert!(page.contains("Alpha one") && page.contains("any &quot;alpha&quot; in the title") && !page.contains("<b>"), "{page}");
    assert!(!page.contains("src=\"http") && !page.contains("style="), "{page}");
    let hide = format!("form_token={token}&record=1&do=hide");
    for (headers, body) in [
        (vec![("Cookie", cookie.as_str())], hide.as_str()),
        (vec![("Cookie", &cookie), ("Origin", "null")], &hide),
        (vec![("Cookie", &cookie), ("Origin", "http://127.0.0.1:1")], &hide),
        (vec![("Cookie", &cookie), ("Origin", &origin), ("Sec-Fetch-Site", "cross-site")], &hide),
        (vec![("Cookie", &cookie), ("Origin", &origin)], "record=1&do=hide"),
        (vec![("Cookie", &cookie), ("Origin", &origin)], "form_token=0&record=1&do=hide"),
        (vec![("Origin", &origin)], &hide),
    ] {
        assert_eq!(desk.ask("POST", "/act", &headers, body).status, 403, "{headers:?} {body}");
    }
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        assert_eq!(desk.ask(method, "/act?record=1&do=hide", &[("Cookie", &cookie), ("Origin", &origin)], &hide).status, 405, "{method}");
    }
    assert!(!desk.place.path().join("overrides.toml").exists());
    // The view that a form brings along leads nowhere else.
    let body = format!("form_token={token}&record=1&do=pin&view=%2F%2Fevil.example%0d%0aX:1&view=topic%3D%2F%2Fevil");
    let answer = desk.ask("POST", "/act", &[("Cookie", &cookie), ("Origin", &origin)], &body);
    assert_eq!((answer.status, answer.header("location"), answer.header("x")), (303, Some("/#r1"), None));

    let answer = desk.ask("POST", "/logout", &[("Cookie", &cookie), ("Origin", &origin)], &format!("form_token={token}"));
    assert_eq!(answer.status, 303);
    assert_eq!(desk.ask("GET", "/", &[("Cookie", &cookie)], "").status, 401);
    // The public address knows nothing of it.
    assert_eq!(ask(desk.public, "GET", "/rules", &[], "").status, 404);
}

#[test]
fn every_action_is_in_the_feeds_before_it_is_answered() {
    let desk = Desk::open();
    let cookie = desk.log_in();
    assert_eq!(desk.act(&cookie, "record=1&do=retag&topic=V%3A+Beta"), "Put under V: Beta: Alpha one");
    assert!(desk.atom("v-beta").contains("<title>Alpha one</title>"));
    assert_eq!(desk.act(&cookie, "record=1&do=retag&topic=Beta"), "Taken from V: Beta: Alpha one");
    assert_eq!(desk.act(&cookie, "record=1&do=remove%3Av-alpha"), "Taken from V: Alpha: Alpha one");
    assert!(!desk.atom("v-alpha").contains("Alpha one") && !desk.atom("v-beta").contains("Alpha one"));
    assert_eq!(desk.act(&cookie, "record=1&do=retag&topic=%2Bv-alpha"), "Put under V: Alpha: Alpha one");
    assert_eq!(desk.act(&cookie, "record=1&do=pin"), "Pinned: Alpha one");
    assert!(desk.atom("v-alpha").split("<entry>").nth(1).unwrap().contains("Alpha one"), "pinned first");
    assert_eq!(desk.act(&cookie, "record=1&do=unpin"), "Not pinned any more: Alpha one");
    assert_eq!(desk.act(&cookie, "record=1&do=retitle&title=A+%3Cbetter%3E++title"), "Retitled: Alpha one");
    assert!(desk.atom("v-alpha").contains("<title>A &lt;better&gt; title</title>"));
    assert!(desk.page(&cookie, "/").contains("A &lt;better&gt; title"));
    assert_eq!(desk.act(&cookie, "record=1&do=retitle&title="), "Has its source&apos;s title: A &lt;better&gt; title");
    assert_eq!(desk.act(&cookie, "record=1&do=hide"), "Hidden: Alpha one");
    assert!(!desk.atom("v-alpha").contains("Alpha one"));
    assert_eq!(desk.act(&cookie, "record=1&do=show"), "Shown again: Alpha one");
    assert!(desk.atom("v-alpha").contains("Alpha one"));
    assert_eq!(desk.act(&cookie, "do=merge&record=1&record=2"), "2 records are one story: Alpha one");
    assert_eq!(desk.atom("v-alpha").matches("<entry>").count(), 1);
    assert_eq!(desk.act(&cookie, "record=1&do=prefer%3A2"), "Shown for its story: Alpha two");
    assert!(desk.atom("v-alpha").contains("<title>Alpha two</title>"), "{}", desk.atom("v-alpha"));
    assert_eq!(desk.act(&cookie, "record=1&do=split"), "Stands alone: Alpha one");
    assert_eq!(desk.atom("v-alpha").matches("<entry>").count(), 2);
    assert_eq!(desk.act(&cookie, "record=1&do=unsplit"), "May be joined again: Alpha one");
    assert_eq!(desk.act(&cookie, "record=1&do=split"), "Stands alone: Alpha one");
    for (fields, why) in [
        ("record=99&do=hide", "99 is no record"),
        ("record=1&do=retag&topic=Alfa", "the nearest is"),
        ("record=1&do=merge", "at least two"),
        ("record=1&do=sing", "no such action"),
    ] {
        assert!(desk.act(&cookie, fields).contains(why), "{fields}");
    }
    let overrides = std::fs::read_to_string(desk.place.path().join("overrides.toml")).unwrap();
    assert!(overrides.contains("add = [\"V: Alpha\"]") && overrides.contains("split = [\"https://news.example/1\"]"), "{overrides}");
    assert!(desk.page(&cookie, "/?topic=v-beta").contains("Beta three") && !desk.page(&cookie, "/?topic=v-beta").contains("Alpha two"));
}

#[test]
fn rules_are_tried_without_changing_anything() {
    let desk = Desk::open();
    let cookie = desk.log_in();
    let before = (desk.place.tree(), std::fs::read_to_string(desk.place.config()).unwrap());
    let token = desk.form_token(&cookie);
    let try_rules = |rules: &str| {
        let encoded: String = rules.bytes().map(|b| format!("%{b:02x}")).collect();
        let body = format!("form_token={token}&rules={encoded}");
        let answer = desk.ask("POST", "/rules", &[("Cookie", &cookie), ("Origin", &desk.own())], &body);
        assert_eq!(answer.status, 200);
        answer.body
    };
    let page = try_rules("[[topic]]\ncategory = \"V: Beta\"\nany = [\"alpha\"]\n\n[[topic]]\ncategory = \"V: New\"\nany = [\"three\"]\n");
    assert!(page.contains("3 of 3 records would be filed otherwise"), "{page}");
    assert!(
        page.contains("<h3>V: New</h3><p>0 records now, 1 then</p>") && page.contains("<h3>V: Beta</h3><p>1 records now, 2 then</p>"),
        "{page}"
    );
    let page = try_rules("[[topic]]\ncategory = \"V: Beta\"\nany = [\"alpha\"]\nal = 1\n");
    assert!(page.contains("unknown key &quot;al&quot;") && page.contains("role=\"alert\""), "{page}");
    assert!(try_rules("").contains("0 of 3 records"));
    assert_eq!((desk.place.tree(), std::fs::read_to_string(desk.place.config()).unwrap()), before);
}

/// A list page of stories, each an item of this class.
fn list(class: &str, stories: std::ops::Range<u32>) -> String {
    let item = |n| {
        format!(
            "<li class=\"{class}\"><h2><a href=\"/news/{n}\">Alpha story {n} of the harbour</a></h2><time datetime=\"2026-11-{n:02}\">x</time></li>"
        )
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><title>News</title></head><body><ul>{}</ul></body></html>",
        stories.map(item).collect::<String>()
    )
}

#[test]
fn a_degraded_sources_repair_is_approved_and_taken_back() {
    let origin = Origin::start();
    origin.put("/news", "text/html", list("story", 1..11));
    let how = "kind = \"page\"\nselectors = { item = \"li.story\", title = \"h2\", link = \"a\", date = \"time\" }\n";
    let place = Place::new(&origin, &[("s".into(), origin.url("/news"))], &desk_and(&format!("{how}{RULES}")));
    place.run(&["refresh"]).expect(0);
    // The page is built anew, and has news.
    origin.put("/news", "text/html", list("teaser-2", 2..12));
    place.run_at("2026-11-20T12:30:00Z", &["refresh"]).expect(3);
    let desk = Desk::serve(origin, place);
    let cookie = desk.log_in();
    assert!(desk.page(&cookie, "/").contains("A source has become another than it was"));
    let page = desk.page(&cookie, "/sources");
    for part in ["<strong class=\"bad\">degraded</strong>", "A repair is proposed", "data-key=\"u\"", "selectors = { item = "] {
        assert!(page.contains(part), "{part} in {page}");
    }
    // Nothing but the desk's own pages, with the session's token, approves anything.
    let body = format!("form_token={}&source=s&do=mend", desk.form_token(&cookie));
    for headers in [vec![("Cookie", cookie.as_str())], vec![("Cookie", &cookie), ("Origin", "http://evil.example")]] {
        assert_eq!(desk.ask("POST", "/source", &headers, &body).status, 403);
    }
    let own = desk.own();
    assert_eq!(desk.ask("POST", "/source", &[("Cookie", &cookie), ("Origin", &own)], "source=s&do=mend").status, 403);
    assert_eq!(desk.ask("GET", "/source?source=s&do=mend", &[("Cookie", &cookie), ("Origin", &own)], "").status, 405);
    let overrides = desk.place.path().join("overrides.toml");
    assert!(!overrides.exists());

    assert!(desk.act_on(&cookie, "s", "mend").starts_with("s is read with this from now on"));
    desk.until("/source/s/feed.atom", "Alpha story 11 of the harbour");
    let said = std::fs::read_to_string(&overrides).unwrap();
    assert!(said.contains("[[source]]\nid = \"s\"\nkind = \"page\"\nselectors = { item = "), "{said}");
    let page = desk.page(&cookie, "/sources");
    assert!(page.contains("<strong>well</strong>") && page.contains("data-key=\"b\""), "{page}");
    assert!(desk.act_on(&cookie, "s", "mend").contains("no repair is proposed for s"));
    assert!(desk.act_on(&cookie, "nobody", "retry").contains("no source is called"));
    // It holds for the commands too, and until it is taken back.
    desk.place.run_at("2026-11-20T12:40:00Z", &["check"]).expect(0);
    assert!(desk.act_on(&cookie, "s", "unmend").contains("as feeds.toml says again"));
    assert!(!std::fs::read_to_string(&overrides).unwrap().contains("[[source]]"));
}

#[test]
fn what_a_degraded_source_gives_now_is_accepted() {
    let origin = Origin::start();
    let items = |host: &str, title: &str| -> String {
        let owned: Vec<_> =
            (1..7).map(|n| (format!("{title}-{n}"), format!("{title} {n} by {n}{n}"), format!("https://{host}/{n}"), n)).collect();
        let items: Vec<_> = owned.iter().map(|(guid, title, link, day)| (&**guid, &**title, &**link, *day)).collect();
        rss(title, &items).replace("https://news.example/</link>", &format!("https://{host}/</link>"))
    };
    origin.put("/a.xml", "application/rss+xml", items("news.example", "Alpha"));
    let place = Place::new(&origin, &[("s".into(), origin.url("/a.xml"))], &desk_and(RULES));
    place.run(&["refresh"]).expect(0);
    origin.put("/a.xml", "application/rss+xml", items("other.example", "Beta"));
    place.run_at("2026-11-20T12:30:00Z", &["refresh"]).expect(3);
    let desk = Desk::serve(origin, place);
    let cookie = desk.log_in();
    let page = desk.page(&cookie, "/sources");
    assert!(
        page.contains("data-key=\"a\"") && !page.contains("data-key=\"u\"") && !desk.atom("v-beta").contains("other.example"),
        "{page}"
    );
    assert!(desk.act_on(&cookie, "s", "accept").contains("is normal from then on"));
    desk.until("/topic/v-beta/feed.atom", "https://other.example/6");
    assert!(desk.page(&cookie, "/sources").contains("<strong>well</strong>"));
}

#[test]
fn without_a_good_token_there_is_no_service() {
    let origin = Origin::start();
    let sources = [("a".to_owned(), origin.url("/a.xml"))];
    let place = Place::new(&origin, &sources, &format!("{RULES}\n[desk]\nlisten = \"127.0.0.1:0\"\n"));
    let serve = |token: Option<&str>| {
        let mut command = place.command("2026-11-20T13:00:00Z", &["serve", "--listen", "127.0.0.1:0"]);
        token.map(|token| command.env("TOPICWIRE_DESK_TOKEN", token));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = serve(None);
    assert!(code == Some(2) && told.contains("topicwire desk token"), "{told}");
    let (code, told) = serve(Some("letmein"));
    assert!(code == Some(2) && told.contains("128 bits") && !told.contains("letmein"), "{told}");
    let made = place.run(&["desk", "token"]).expect(0).out;
    assert!(made.trim().len() == 64 && made != place.run(&["desk", "token"]).expect(0).out);
    place.configure(&origin, &sources, &format!("{RULES}\n[desk]\nlisten = \"0.0.0.0:8081\"\n"));
    assert!(place.run(&["check"]).expect(2).err.contains("would open the desk to others"));
}
