//! The works that are measured, and the limits that stand beside them.

use std::any::Any;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use quick_xml::Reader;
use quick_xml::events::Event;
use rusqlite::Connection;
use topicwire::entry::{Text, TextKind};
use topicwire::format::check::{Form, check, item};
use topicwire::format::document::FeedDocument;
use topicwire::format::printed::Printed;
use topicwire::format::{atom, front_matter, json_feed, rss};
use topicwire::publisher;
use topicwire::record::{Draft, PageMeta, Record, Section};
use topicwire::stage::classify::Article;
use topicwire::stage::identity::{self, RecordChange};
use topicwire::stage::story::{self, Member};
use topicwire::stage::{map, parse::steps, text};
use topicwire::store::sqlite::SqliteStore;
use topicwire::store::{Change, Packed, PollCommit, PollState, Selection, Store};
use uuid::Uuid;

use crate::inputs::{self, Inputs};

/// A work that is ready; what it made is dropped by whoever measures.
pub(crate) type Run = Box<dyn FnOnce() -> Box<dyn Any>>;

/// What is measured.
pub(crate) struct Prepared {
    /// Bytes that it reads, or writes if it reads none.
    pub(crate) bytes: usize,
    /// Entries in them.
    pub(crate) entries: usize,
    /// Makes it ready once more.
    pub(crate) run: Box<dyn Fn() -> Run>,
}

/// Prepares a work.
pub(crate) type Work = fn(&'static Inputs) -> Prepared;

/// All works by their names, each stage's limits after it.
pub(crate) const WORKS: &[(&str, Work)] = &[
    ("decode/utf-8", |i| decode(i, i.rss.as_bytes())),
    ("decode/windows-1252", |i| decode(i, &i.windows)),
    ("decode/undeclared", |i| decode(i, &i.undeclared)),
    ("decode/limit: copy", |i| copy(i, i.rss.as_bytes())),
    ("repair/tree", |i| tree(i, &i.broken)),
    ("repair/read", |i| read(i, i.broken.as_bytes())),
    ("repair/limit: copy", |i| copy(i, i.broken.as_bytes())),
    ("parse/tree-atom", |i| tree(i, &i.atom)),
    ("parse/tree-rss", |i| tree(i, &i.rss)),
    ("parse/limit: events-atom", |i| events(i, i.atom.as_bytes())),
    ("parse/limit: events-rss", |i| events(i, i.rss.as_bytes())),
    ("own-pass/atom", |i| read(i, i.atom.as_bytes())),
    ("own-pass/rss", |i| read(i, i.rss.as_bytes())),
    ("own-pass/json", |i| read(i, i.json.as_bytes())),
    ("own-pass/limit: feed-rs-atom", |i| feed_rs(i, i.atom.as_bytes())),
    ("own-pass/limit: feed-rs-rss", |i| feed_rs(i, i.rss.as_bytes())),
    ("own-pass/limit: serde_json", |i| work(i, i.json.len(), || serde_json::from_str::<serde_json::Value>(&i.json).unwrap())),
    ("text/plain", |i| of_contents(i, |html| text::plain(&Text { value: html.to_owned(), kind: TextKind::Html }))),
    ("text/sanitise", |i| of_contents(i, |html| text::sanitise(html, None))),
    ("text/teaser", |i| of_contents(i, |html| text::teaser(html, 300))),
    ("text/limit: copy", |i| of_contents(i, |html| black_box(html).to_owned())),
    ("classify/rules", classify),
    ("classify/limit: aho-corasick", words),
    ("story/sign", sign),
    ("story/group", group),
    ("story/limit: aho-corasick", words),
    ("map/whole", |i| work(i, i.contents().concat().len(), || i.map())),
    ("record/front-matter", front_matter),
    ("record/limit: copy", |i| copy_of(i, records(i).iter().map(front_matter::write).collect::<String>().into_bytes())),
    ("format/atom", |i| format(i, atom::write)),
    ("format/rss", |i| format(i, rss::write)),
    ("format/json", |i| format(i, json_feed::write)),
    ("format/limit: copy", |i| copy_of(i, atom::write(&document(i)))),
    ("check/atom", |i| read_back(i, Form::Atom, atom::write)),
    ("check/rss", |i| read_back(i, Form::Rss, rss::write)),
    ("check/json", |i| read_back(i, Form::Json, json_feed::write)),
    ("check/limit: events-atom", |i| events_of(i, atom::write(&document(i)))),
    ("store/commit", commit),
    ("store/limit: insert", insert),
];

/// A work that can be done again and again.
fn work<T: 'static>(inputs: &Inputs, bytes: usize, run: impl Fn() -> T + Clone + 'static) -> Prepared {
    let run = move || -> Run {
        let run = run.clone();
        Box::new(move || Box::new(run()))
    };
    Prepared { bytes, entries: inputs.feed.entries.len(), run: Box::new(run) }
}

fn copy(inputs: &Inputs, bytes: &'static [u8]) -> Prepared {
    work(inputs, bytes.len(), move || black_box(bytes).to_vec())
}

fn copy_of(inputs: &Inputs, bytes: Vec<u8>) -> Prepared {
    copy(inputs, bytes.leak())
}

fn decode(inputs: &Inputs, bytes: &'static [u8]) -> Prepared {
    work(inputs, bytes.len(), move || steps::decode(black_box(bytes)))
}

fn tree(inputs: &Inputs, text: &'static str) -> Prepared {
    work(inputs, text.len(), move || steps::tree(black_box(text)))
}

fn read(inputs: &Inputs, bytes: &'static [u8]) -> Prepared {
    work(inputs, bytes.len(), move || inputs::read(black_box(bytes)))
}

fn feed_rs(inputs: &Inputs, bytes: &'static [u8]) -> Prepared {
    work(inputs, bytes.len(), move || feed_rs::parser::parse(black_box(bytes)).unwrap())
}

fn events(inputs: &Inputs, bytes: &'static [u8]) -> Prepared {
    work(inputs, bytes.len(), move || {
        let mut reader = Reader::from_reader(black_box(bytes));
        let mut count = 0_usize;
        while !matches!(reader.read_event().unwrap(), Event::Eof) {
            count += 1;
        }
        count
    })
}

fn events_of(inputs: &Inputs, bytes: Vec<u8>) -> Prepared {
    events(inputs, bytes.leak())
}

fn of_contents(inputs: &'static Inputs, made: fn(&str) -> String) -> Prepared {
    let contents = inputs.contents();
    let bytes = contents.concat().len();
    work(inputs, bytes, move || contents.iter().map(|html| made(html)).collect::<Vec<_>>())
}

/// An entry's texts as rules and stories see them.
struct Plain {
    title: String,
    summary: String,
    content: String,
    url: String,
}

fn plains(inputs: &'static Inputs) -> (&'static [Plain], usize) {
    let plain = |made: &map::Made, html: &&str| Plain {
        title: made.draft.title.clone(),
        summary: made.draft.summary.clone(),
        content: text::plain(&Text { value: (*html).to_owned(), kind: TextKind::Html }),
        url: made.draft.href.clone(),
    };
    let plains: Vec<Plain> = inputs.made.iter().zip(&inputs.contents()).map(|(made, html)| plain(made, html)).collect();
    let bytes = plains.iter().map(|plain| plain.title.len() + plain.summary.len() + plain.content.len()).sum();
    (plains.leak(), bytes)
}

fn classify(inputs: &'static Inputs) -> Prepared {
    let (plains, bytes) = plains(inputs);
    let article = |plain: &'static Plain| Article {
        title: &plain.title,
        summary: &plain.summary,
        content: &plain.content,
        url: &plain.url,
        language: Some("en"),
        ..Article::default()
    };
    work(inputs, bytes, move || plains.iter().map(|plain| inputs.classifier.classify(&article(plain))).collect::<Vec<_>>())
}

/// One pass over the same texts for the topics' terms, as they are written.
fn words(inputs: &'static Inputs) -> Prepared {
    let (plains, bytes) = plains(inputs);
    let words = AhoCorasick::builder().ascii_case_insensitive(true).build(&inputs.terms).unwrap();
    work(inputs, bytes, move || {
        let texts = plains.iter().flat_map(|plain| [&plain.title, &plain.summary, &plain.content]);
        texts.map(|text| words.find_iter(black_box(text)).count()).sum::<usize>()
    })
}

fn sign(inputs: &'static Inputs) -> Prepared {
    let (plains, bytes) = plains(inputs);
    work(inputs, bytes, move || {
        let sign = |plain: &Plain| {
            let addresses = [plain.url.clone()];
            story::sign(&story::Article { title: &plain.title, text: &plain.content, language: Some("en"), addresses: &addresses })
        };
        plains.iter().map(sign).collect::<Vec<_>>()
    })
}

/// Every article as two sources tell it.
fn group(inputs: &'static Inputs) -> Prepared {
    let urls: Vec<(String, &'static str)> = ["s0", "s1"]
        .into_iter()
        .flat_map(|source| inputs.made.iter().map(move |made| (format!("https://{source}.example/{}", made.draft.href), source)))
        .collect();
    let urls: &'static [(String, &'static str)] = urls.leak();
    let member = |((url, source), made): (&'static (String, &'static str), &'static map::Made)| Member {
        signature: &made.signature,
        source,
        published: made.draft.published,
        url,
        group: None,
    };
    let members: Vec<Member<'static>> = urls.iter().zip(inputs.made.iter().chain(&inputs.made)).map(member).collect();
    let bytes = 2 * inputs.made.iter().map(|made| made.signature.to_bytes().len()).sum::<usize>();
    let grouped = work(inputs, bytes, move || story::group(&members, &[]));
    Prepared { entries: 2 * grouped.entries, ..grouped }
}

fn records(inputs: &Inputs) -> Vec<Record> {
    let record = |(number, draft): (usize, &Draft)| Record {
        number: number as u64,
        uuid: Uuid::from_u128(number as u128),
        section: Section::default(),
        curators: draft.curators.clone(),
        title: draft.title.clone(),
        href: draft.href.clone(),
        original: draft.original.clone(),
        published: draft.published,
        last_mod: draft.published,
        summary: draft.summary.clone(),
        body: draft.body.clone(),
        categories: draft.topics.iter().map(|topic| topic.category.clone()).collect(),
        favicon: None,
        featured_image: None,
        featured_pdf: None,
        page: PageMeta::default(),
        institution: None,
        offering: None,
        source: "news.example".to_owned(),
        via: None,
        via_link: None,
        licence: None,
        attribution: None,
        promotion: None,
        reservation: None,
        insights_description: None,
        insights_name: None,
        related_offerings: Vec::new(),
    };
    inputs.made.iter().map(|made| &made.draft).enumerate().map(record).collect()
}

fn front_matter(inputs: &'static Inputs) -> Prepared {
    let records: Arc<[Record]> = records(inputs).into();
    let bytes = records.iter().map(|record| front_matter::write(record).len()).sum();
    work(inputs, bytes, move || records.iter().map(front_matter::write).collect::<Vec<_>>())
}

/// A store of this bench alone, which is gone with it.
struct Fresh {
    store: SqliteStore,
    _folder: tempfile::TempDir,
}

impl Fresh {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { store: SqliteStore::open(&folder.path().join("bench.db")).unwrap(), _folder: folder }
    }
}

/// The source's feed as it would be published.
fn document(inputs: &Inputs) -> FeedDocument {
    let mut fresh = Fresh::open();
    fresh.store.commit(&poll(inputs)).unwrap();
    fresh.store.settle().unwrap();
    let any = inputs.site.topics.iter().map(|topic| vec![topic.slug.clone()]).collect();
    let selection = Selection { any, sources: vec!["s0".to_owned()] };
    publisher::select(&inputs.site, &fresh.store, &selection, "source/s0/", "").unwrap()
}

fn format(inputs: &'static Inputs, write: fn(&FeedDocument) -> Vec<u8>) -> Prepared {
    let document = Arc::new(document(inputs));
    let entries = document.items.len();
    Prepared { entries, ..work(inputs, write(&document).len(), move || write(&document)) }
}

fn read_back(inputs: &'static Inputs, form: Form, write: fn(&FeedDocument) -> Vec<u8>) -> Prepared {
    let document = Arc::new(document(inputs));
    let entries = document.items.len();
    let printed: Vec<_> = document.items.iter().map(|item| Arc::new(Printed::of(item, &document))).collect();
    let bytes: &'static [u8] = write(&document).leak();
    let read = move || {
        printed.iter().for_each(|it| item(form, black_box(it.text(form)), it.id()).unwrap());
        check(form, black_box(bytes), &document, &printed).unwrap();
    };
    Prepared { entries, ..work(inputs, bytes.len(), read) }
}

fn poll(inputs: &Inputs) -> PollCommit<'static> {
    let change = |(keyed, made): (&identity::Keyed, &map::Made)| {
        let entry = &inputs.feed.entries[keyed.index];
        Change {
            key: keyed.key.clone(),
            fingerprint: identity::fingerprint(entry),
            raw: Packed::new(&serde_json::to_vec(entry).unwrap()),
            record: RecordChange::Create(made.draft.clone()),
            signature: Some(made.signature.clone()),
        }
    };
    let changes = inputs.keyed.iter().zip(&inputs.made).map(change).collect();
    PollCommit { source: "s0", now: inputs.now, state: PollState::default(), changes }
}

/// Bytes of entries and drafts before they are packed.
fn stored(inputs: &Inputs) -> usize {
    let entries = inputs.feed.entries.iter().map(|entry| serde_json::to_vec(entry).unwrap().len()).sum::<usize>();
    entries + inputs.made.iter().map(|made| serde_json::to_vec(&made.draft).unwrap().len()).sum::<usize>()
}

/// A poll of new entries into an empty store.
fn commit(inputs: &'static Inputs) -> Prepared {
    let run = move || -> Run {
        let (mut fresh, poll) = (Fresh::open(), poll(inputs));
        Box::new(move || {
            fresh.store.commit(&poll).unwrap();
            Box::new((fresh, poll))
        })
    };
    Prepared { bytes: stored(inputs), entries: inputs.made.len(), run: Box::new(run) }
}

/// The same rows, made before, into one table, with the store's settings.
fn insert(inputs: &'static Inputs) -> Prepared {
    type Line = (String, [u8; 16], Vec<u8>, String, Vec<u8>);
    let line = |(keyed, made): (&identity::Keyed, &map::Made)| -> Line {
        let entry = &inputs.feed.entries[keyed.index];
        let raw = lz4_flex::compress_prepend_size(&serde_json::to_vec(entry).unwrap());
        let draft = serde_json::to_string(&made.draft).unwrap();
        (keyed.key.clone(), identity::fingerprint(entry), raw, draft, made.signature.to_bytes())
    };
    let lines: Vec<Line> = inputs.keyed.iter().zip(&inputs.made).map(line).collect();
    let lines: &'static [Line] = lines.leak();
    let run = move || -> Run {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = table(&folder.path().join("bench.db"));
        Box::new(move || {
            let transaction = connection.transaction().unwrap();
            {
                let mut insert = transaction.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5)").unwrap();
                for (key, fingerprint, raw, draft, signature) in lines {
                    insert.execute((key, fingerprint, raw, draft, signature)).unwrap();
                }
            }
            transaction.commit().unwrap();
            Box::new((connection, folder))
        })
    };
    Prepared { bytes: stored(inputs), entries: lines.len(), run: Box::new(run) }
}

fn table(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    let settings = "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8192; \
        CREATE TABLE entry(key TEXT PRIMARY KEY, fingerprint BLOB, raw BLOB, draft TEXT, signature BLOB)";
    connection.execute_batch(settings).unwrap();
    connection
}
