//! What the stages are given: made here, the same at every run, and nobody's but this project's.

use std::fmt::Write as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use topicwire::config::{self, Site};
use topicwire::entry::{Entry, Feed};
use topicwire::stage::classify::Classifier;
use topicwire::stage::host::Reach;
use topicwire::stage::identity::{self, Keyed};
use topicwire::stage::map::{self, Made, Rules};
use topicwire::stage::parse::{self, Context};
use url::Url;

/// Words of texts, more of the first than of the last.
const WORDS: &str = "the of and to a in that is was for on with as it by at from this be are or which an had not were but their have \
    one all they has been would when who will more if no out so said what up its about into than them can only other new some could \
    time these two may then do first any my now such like our over man me even most made after also did many before must through years \
    where much your way well down should because each just those people how too little state good very make world still own see men \
    work long get here between both life being under never day same another know while last might us great old year off come since \
    against go came right used take three";
/// Words of topics: each topic has twenty terms of one or two of them.
const TERMS: &str = "hospital patient nurse clinic surgery vaccine therapy cancer genome cardiology stroke diabetes imaging radiology \
    pharmacy trial protocol dosage insulin asthma network router packet kernel compiler database index query cluster storage latency \
    container orchestration encryption certificate firewall browser engine renderer parser climate emission carbon turbine solar battery \
    grid reactor hydrogen glacier drought flood harvest forest soil fertiliser irrigation livestock orchard grain market bond equity \
    inflation tariff currency budget deficit pension insurance mortgage auction bankruptcy merger dividend regulator senate ballot treaty \
    embassy parliament minister coalition referendum sanction border";
/// Topics of the site.
const TOPICS: usize = 12;
const TERMS_A_TOPIC: usize = 20;
/// 2026-11-20T12:00:00Z.
const NOW: i64 = 1_795_176_000;

/// A generator of numbers that look random and are not (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        let (a, b) = (self.below(of.len()), self.below(of.len()));
        of[a.min(b)]
    }
}

/// An article before it is written into a document.
struct Article {
    number: usize,
    title: String,
    summary: String,
    html: String,
    category: usize,
    at: DateTime<Utc>,
}

/// Everything that the stages are given.
pub(crate) struct Inputs {
    /// A site with twelve topics.
    pub(crate) site: Site,
    /// Its topics, compiled.
    pub(crate) classifier: Classifier,
    /// Their terms as they stand in texts.
    pub(crate) terms: Vec<String>,
    /// One feed as Atom.
    pub(crate) atom: String,
    /// The same as RSS.
    pub(crate) rss: String,
    /// The same as JSON Feed.
    pub(crate) json: String,
    /// The RSS with what real feeds get wrong: bare ampersands, entities of HTML, tags left open, control characters.
    pub(crate) broken: String,
    /// The RSS in Windows-1252, which its declaration says.
    pub(crate) windows: Vec<u8>,
    /// The same, and nothing says so.
    pub(crate) undeclared: Vec<u8>,
    /// The entries as read from the Atom.
    pub(crate) feed: Feed,
    /// What each is known by.
    pub(crate) keyed: Vec<Keyed>,
    /// What is made of each.
    pub(crate) made: Vec<Made>,
    /// When all this happens.
    pub(crate) now: DateTime<Utc>,
}

impl Inputs {
    /// The same for the same count.
    pub(crate) fn of(entries: usize) -> Self {
        let topics = topics();
        let articles = articles(entries, &topics);
        let site = site(&topics);
        let classifier = Classifier::of(&site.topics, site.model.as_ref()).unwrap();
        let rss = rss(&articles, Some("utf-8"));
        let latin = |declared| encoding_rs::WINDOWS_1252.encode(&self::rss(&articles, declared)).0.into_owned();
        let atom = atom(&articles);
        let feed = read(atom.as_bytes());
        let now = DateTime::from_timestamp(NOW, 0).unwrap();
        let keyed = identity::keys(&feed.entries, Reach::of(&site.sources[0]));
        let mut inputs = Self {
            terms: topics.concat(),
            json: json(&articles),
            broken: broken(&rss),
            windows: latin(Some("windows-1252")),
            undeclared: latin(None),
            made: Vec::new(),
            site,
            classifier,
            atom,
            rss,
            feed,
            keyed,
            now,
        };
        inputs.made = inputs.map();
        inputs
    }

    /// Every entry's draft and signature.
    pub(crate) fn map(&self) -> Vec<Made> {
        let source = &self.site.sources[0];
        let taken_from = map::taken_from(&self.feed, source, self.now);
        let rules = Rules { site: &self.site, classifier: &self.classifier };
        let keyed = self.keyed.iter().map(|keyed| (keyed, &self.feed.entries[keyed.index]));
        keyed
            .filter_map(|(keyed, entry)| map::make(entry, keyed.address.as_ref(), &keyed.key, source, (&taken_from, None), rules, self.now))
            .collect()
    }

    /// Every entry's content.
    pub(crate) fn contents(&self) -> Vec<&str> {
        self.feed.entries.iter().filter_map(|entry: &Entry| entry.content.as_ref()?.value.as_deref()).collect()
    }
}

/// Reads a document as a poll does.
pub(crate) fn read(bytes: &[u8]) -> Feed {
    let url = Url::parse("https://news.example/feed").unwrap();
    parse::read(bytes, &Context { url: Some(&url), content_type: None, time_zone: chrono_tz::UTC, language: None }).unwrap()
}

fn topics() -> Vec<Vec<String>> {
    let mut numbers = Numbers(1);
    let terms: Vec<&str> = TERMS.split_whitespace().collect();
    let mut term = || match numbers.below(3) {
        0 => terms[numbers.below(terms.len())].to_owned(),
        _ => format!("{} {}", terms[numbers.below(terms.len())], terms[numbers.below(terms.len())]),
    };
    let mut seen = std::collections::HashSet::new();
    (0..TOPICS).map(|_| std::iter::repeat_with(&mut term).filter(|term| seen.insert(term.clone())).take(TERMS_A_TOPIC).collect()).collect()
}

fn site(topics: &[Vec<String>]) -> Site {
    let mut text = String::from(
        "[site]\ntitle = \"Bench\"\nbase_url = \"https://planet.example/\"\n\
         [[source]]\nid = \"s0\"\nurl = \"https://news.example/feed\"\nschedule = \"1h\"\n",
    );
    for (number, terms) in topics.iter().enumerate() {
        writeln!(text, "[[topic]]\ncategory = \"Bench: Topic {number}\"\nany = {terms:?}").unwrap();
    }
    config::check(Path::new("feeds.toml"), &text).unwrap()
}

fn articles(count: usize, topics: &[Vec<String>]) -> Vec<Article> {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut numbers = Numbers(2);
    let mut article = |number| {
        let category = numbers.below(TOPICS);
        let title = format!("{} {number}", sentence(&mut numbers, &words, &topics[category], false));
        let summary = sentence(&mut numbers, &words, &topics[category], false);
        let length = 800 + numbers.below(4_000);
        let mut html = String::new();
        while html.len() < length {
            paragraph(&mut html, &mut numbers, &words, &topics[category]);
        }
        let at = DateTime::from_timestamp(NOW - 600 * i64::try_from(number).unwrap() - 3_600, 0).unwrap();
        Article { number, title, summary, html, category, at }
    };
    (0..count).map(&mut article).collect()
}

fn sentence(numbers: &mut Numbers, words: &[&str], terms: &[String], is_marked_up: bool) -> String {
    let mut out = String::from("Once");
    for _ in 0..8 + numbers.below(14) {
        out.push_str(if numbers.below(12) == 0 { ", " } else { " " });
        match numbers.below(50) {
            0 if is_marked_up => write!(out, "<em>{}</em>", numbers.pick(words)).unwrap(),
            1 if is_marked_up => write!(out, "<a href=\"https://news.example/{0}?utm_source=feed\">{0}</a>", numbers.pick(words)).unwrap(),
            2 if is_marked_up => write!(out, "{} &amp; {}", numbers.pick(words), numbers.pick(words)).unwrap(),
            3 => write!(out, "caf\u{e9} \u{2013} {}", numbers.below(3_000)).unwrap(),
            4..=7 => out.push_str(&terms[numbers.below(terms.len())]),
            _ => out.push_str(numbers.pick(words)),
        }
    }
    out.push('.');
    out
}

fn paragraph(html: &mut String, numbers: &mut Numbers, words: &[&str], terms: &[String]) {
    let sentence = |numbers: &mut Numbers| sentence(numbers, words, terms, true);
    match numbers.below(14) {
        0 => writeln!(html, "<h2 id=\"h\">{}</h2>", sentence(numbers)),
        1 => writeln!(html, "<ul class=\"list\"><li>{}</li><li>{}</li></ul>", sentence(numbers), sentence(numbers)),
        2 => writeln!(html, "<figure><img src=\"/img/{}.jpg\" alt=\"\" width=\"640\" onerror=\"f()\"></figure>", numbers.below(999)),
        3 if numbers.below(4) == 0 => writeln!(html, "<script>track({})</script>", numbers.below(999)),
        _ => writeln!(html, "<p>{} {} {}</p>", sentence(numbers), sentence(numbers), sentence(numbers)),
    }
    .unwrap();
}

fn escaped(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

impl Article {
    fn link(&self) -> String {
        format!("https://news.example/{}/story?utm_medium=feed", self.number)
    }
}

fn atom(articles: &[Article]) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"en\">\n<title>Bench</title>\n\
         <id>https://news.example/feed</id>\n<link href=\"https://news.example/\"/>\n<updated>2026-11-20T11:00:00Z</updated>\n",
    );
    for article in articles {
        let at = article.at.format("%Y-%m-%dT%H:%M:%SZ");
        write!(
            out,
            "<entry>\n<id>tag:news.example,2026:{}</id>\n<title type=\"html\">{}</title>\n<link rel=\"alternate\" href=\"{}\"/>\n\
             <published>{at}</published>\n<updated>{at}</updated>\n<author><name>Ada Writer</name></author>\n\
             <category term=\"topic-{}\"/>\n<summary>{}</summary>\n<content type=\"html\">{}</content>\n</entry>\n",
            article.number,
            escaped(&article.title),
            escaped(&article.link()),
            article.category,
            escaped(&article.summary),
            escaped(&article.html),
        )
        .unwrap();
    }
    out + "</feed>\n"
}

fn rss(articles: &[Article], charset: Option<&str>) -> String {
    let declared = charset.map(|charset| format!("<?xml version=\"1.0\" encoding=\"{charset}\"?>\n")).unwrap_or_default();
    let mut out = format!(
        "{declared}<rss version=\"2.0\" xmlns:content=\"http://purl.org/rss/1.0/modules/content/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<channel>\n<title>Bench</title>\n<link>https://news.example/</link>\n\
         <description>Texts</description>\n<language>en</language>\n"
    );
    for article in articles {
        write!(
            out,
            "<item>\n<title>{}</title>\n<link>{}</link>\n<guid isPermaLink=\"false\">tag:news.example,2026:{}</guid>\n\
             <pubDate>{}</pubDate>\n<dc:creator>Ada Writer</dc:creator>\n<category>topic-{}</category>\n\
             <description>{}</description>\n<content:encoded><![CDATA[{}]]></content:encoded>\n</item>\n",
            escaped(&article.title),
            escaped(&article.link()),
            article.number,
            article.at.to_rfc2822(),
            article.category,
            escaped(&article.summary),
            article.html,
        )
        .unwrap();
    }
    out + "</channel>\n</rss>\n"
}

fn json(articles: &[Article]) -> String {
    let item = |article: &Article| {
        serde_json::json!({
            "id": format!("tag:news.example,2026:{}", article.number),
            "url": article.link(),
            "title": article.title,
            "summary": article.summary,
            "content_html": article.html,
            "date_published": article.at.to_rfc3339(),
            "authors": [{"name": "Ada Writer"}],
            "tags": [format!("topic-{}", article.category)],
        })
    };
    let items: Vec<_> = articles.iter().map(item).collect();
    serde_json::json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Bench",
        "home_page_url": "https://news.example/",
        "feed_url": "https://news.example/feed",
        "language": "en",
        "items": items,
    })
    .to_string()
}

fn broken(rss: &str) -> String {
    let mut out = String::with_capacity(rss.len());
    for (number, item) in rss.split_inclusive("</item>").enumerate() {
        let item = match number % 5 {
            0 => item.replacen("<title>", "<title>This & that&nbsp;", 1),
            1 => item.replacen("</title>", "", 1),
            2 => item.replacen("<description>", "<description>\u{b}caf&eacute; <br> ", 1),
            3 => item.replacen("isPermaLink=\"false\"", "isPermaLink=false", 1),
            _ => item.to_owned(),
        };
        out.push_str(&item);
    }
    out
}
