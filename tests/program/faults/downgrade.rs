//! From https to http: only where the operator allows it to one source, and only at that source's own host (S6).

use std::sync::Arc;

use super::server::{self, Mood, Play, answer};
use super::tls::Authority;
use crate::common::{NOW, Place, Ran};

fn redirect(to: String) -> Play {
    Arc::new(move |wire, _| {
        let _ = wire.write_all(&answer("301 Moved", &format!("Location: {to}\r\n"), b""));
    })
}

#[test]
fn a_redirect_from_https_to_http_is_followed_for_the_source_that_allows_it_alone() {
    let mood = Mood::default();
    mood.set_bad(true);
    let authority = Authority::new("Test authority");
    let certificate = || authority.server(&["127.0.0.1"], (2020, 2090));
    let plain = server::plain(&mood, |_| None);
    let down = server::secure(&mood, certificate(), certificate(), Some(redirect(format!("http://{plain}/feed"))), None);
    // Asked as another host, so that what is redirected there is not the source's own doing.
    let away = server::everywhere(&mood, move |_| Some(redirect(format!("https://{down}/feed"))));

    let place = Place { dir: tempfile::tempdir().unwrap() };
    std::fs::write(place.path().join("authority.pem"), authority.pem()).unwrap();
    let config = format!(
        "[site]\ntitle = \"T\"\nbase_url = \"https://wire.example/\"\n[fetch]\nallow = [\"127.0.0.0/8\"]\nports = [{}, {}, {}]\nhost_gap = 0\n\
         floor = 0\n[defaults]\nenrich = \"never\"\n\
         [[source]]\nid = \"allowed\"\nurl = \"https://{down}/feed\"\nallow_http = true\nheaders = {{ X-Key = \"hush\" }}\n\
         [[source]]\nid = \"plain\"\nurl = \"https://{down}/feed?2\"\n\
         [[source]]\nid = \"elsewhere\"\nurl = \"http://127.0.0.2:{}/feed\"\nallow_http = true\n",
        plain.port(),
        down.port(),
        away.port(),
        away.port(),
    );
    std::fs::write(place.config(), config).unwrap();
    let mut command = place.command(NOW, &["refresh", "--json"]);
    let ran = Ran::from(command.env("SSL_CERT_FILE", place.path().join("authority.pem")).output().unwrap()).expect(3);
    let sources = ran.json()["sources"].clone();
    let came = |n: usize| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        (text(&sources[n]["outcome"]), text(&sources[n]["failure"]["why"]))
    };
    assert_eq!(came(0).0, "moved", "{sources}");
    let refused = format!(
        "it redirects from https to http, which is followed only for a [[source]] with allow_http = true: https://{down}/feed?… -> http://{plain}/feed"
    );
    assert_eq!(came(1), ("failed".to_owned(), refused));
    // Neither another source's allowance nor a redirect's inherits it.
    let (outcome, why) = came(2);
    assert!(outcome == "failed" && why.starts_with("it redirects from https to http: http://127.0.0.2"), "{outcome}: {why}");
}
