-- Version 2. Times are microseconds since 1970, UTC.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- What the last poll left: one row a source. `state` is JSON of PollState.
CREATE TABLE poll (
  source INTEGER PRIMARY KEY REFERENCES source (id),
  etag BLOB, last_modified BLOB, body_hash BLOB,
  state TEXT NOT NULL
);

-- History of polls.
CREATE TABLE poll_line (
  source INTEGER NOT NULL REFERENCES source (id),
  at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  status INTEGER, why TEXT,
  new INTEGER NOT NULL, changed INTEGER NOT NULL,
  -- JSON of Asked; bytes of the body on the wire; short name of the cause; no request before this.
  asked TEXT NOT NULL, bytes INTEGER NOT NULL, class TEXT, retry_not_before INTEGER
);
CREATE INDEX poll_line_by_source ON poll_line (source, at);

-- Sources that were ever answered 429: their hosts keep a longer pause.
CREATE TABLE limited (source INTEGER PRIMARY KEY REFERENCES source (id));

-- Entries as read (`raw`: JSON of Entry). A source reaches only rows with its own id.
CREATE TABLE entry (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL REFERENCES source (id),
  key TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  first_seen INTEGER NOT NULL,
  record INTEGER REFERENCES record (id),
  raw BLOB NOT NULL,
  UNIQUE (source, key)
);
CREATE INDEX entry_by_record ON entry (record);

-- One row an article, short, for it is written several times until it is published; its words are in `draft`. `number` and
-- `published_id` are given out by settle, in an order that does not depend on when polls finished.
CREATE TABLE record (
  id INTEGER PRIMARY KEY,
  number INTEGER UNIQUE,
  published_id TEXT UNIQUE,
  url TEXT NOT NULL UNIQUE,
  original TEXT,
  source INTEGER NOT NULL REFERENCES source (id),
  owner INTEGER NOT NULL,
  published INTEGER NOT NULL,
  added INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  last_mod INTEGER NOT NULL,
  -- 1: changed since the last publication; 2: in the publication under way.
  dirty INTEGER NOT NULL DEFAULT 1,
  -- Of the draft: how often there was another, its length, and what feeds are chosen by: the section, the topics with a space between.
  revision INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL,
  section TEXT NOT NULL,
  topics TEXT NOT NULL,
  -- The id that its source gives it.
  feed_id TEXT,
  -- The story it tells, once another article tells it too; its place in it, the one to be shown first; why it is there.
  story INTEGER,
  story_rank INTEGER NOT NULL DEFAULT 0,
  story_why TEXT,
  -- Whether its story has been looked for.
  told INTEGER NOT NULL DEFAULT 0,
  hidden INTEGER NOT NULL DEFAULT 0,
  pinned INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX record_dirty ON record (dirty) WHERE dirty > 0;
-- Indexes of what is on its way have nothing to sort by: a poll writes one page of each, and whoever reads them sorts once.
CREATE INDEX record_unsettled ON record (told) WHERE number IS NULL;
CREATE INDEX record_by_original ON record (original) WHERE original IS NOT NULL;
CREATE INDEX record_untold ON record (told) WHERE told = 0;
CREATE INDEX record_by_story ON record (story, story_rank) WHERE story IS NOT NULL;
CREATE INDEX record_by_published ON record (published) WHERE number IS NOT NULL;
CREATE INDEX record_pinned ON record (pinned) WHERE pinned = 1;

-- What a record says: JSON of Draft.
CREATE TABLE draft (record INTEGER PRIMARY KEY REFERENCES record (id), draft TEXT NOT NULL);

CREATE TABLE record_topic (
  topic TEXT NOT NULL,
  published INTEGER NOT NULL,
  record INTEGER NOT NULL REFERENCES record (id),
  PRIMARY KEY (topic, published, record)
) WITHOUT ROWID;

-- Kept in step with record_topic, so that counting reads no rows.
CREATE TABLE topic (
  slug TEXT PRIMARY KEY,
  records INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  dirty INTEGER NOT NULL
) WITHOUT ROWID;

-- Hosts that answered 429, and until when they want no requests.
CREATE TABLE host_limit (host TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;

-- What of an article is compared to find its story: Signature::to_bytes. None where the record changed since it was made.
CREATE TABLE signature (record INTEGER PRIMARY KEY REFERENCES record (id), signature BLOB NOT NULL);

-- Our subscriptions at the hubs of sources: JSON of stage::push::Subscription. `hint`: a push that no poll has followed yet.
CREATE TABLE subscription (
  path TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  due INTEGER, hint INTEGER,
  state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX subscription_by_source ON subscription (source);
CREATE INDEX subscription_hint ON subscription (hint) WHERE hint IS NOT NULL;

-- What configured hubs were told of our feeds: JSON of stage::push::Announcement.
CREATE TABLE announcement (
  hub TEXT NOT NULL, topic TEXT NOT NULL,
  due INTEGER,
  state TEXT NOT NULL,
  PRIMARY KEY (hub, topic)
) WITHOUT ROWID;

-- Who follows our feeds at our own hub: JSON of stage::push::Follower. This is the queue of deliveries too.
CREATE TABLE follower (
  topic TEXT NOT NULL, callback TEXT NOT NULL,
  host TEXT NOT NULL,
  waiting INTEGER NOT NULL, failures INTEGER NOT NULL,
  due INTEGER,
  state TEXT NOT NULL,
  PRIMARY KEY (topic, callback)
) WITHOUT ROWID;
CREATE INDEX follower_due ON follower (due) WHERE due IS NOT NULL;
CREATE INDEX follower_by_host ON follower (host);
CREATE INDEX follower_waiting ON follower (waiting) WHERE waiting = 1;
-- Articles whose pages are to be read or were: one row a record that wants it. `due` is NULL when there is nothing left to try.
CREATE TABLE article (
  record INTEGER PRIMARY KEY REFERENCES record (id),
  host TEXT NOT NULL,
  due INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  tried_at INTEGER,
  why TEXT,
  read_at INTEGER,
  -- JSON of stage::article::Article; JSON of FromPage, if it adds anything to feeds; its address, if that is not the record's.
  article TEXT, shown TEXT, href TEXT
);
CREATE INDEX article_by_host ON article (host, due) WHERE due IS NOT NULL;
CREATE INDEX article_by_href ON article (href) WHERE href IS NOT NULL;

-- robots.txt of each origin. Without a body it allows everything (there is none), unless it is `unreachable`.
CREATE TABLE robots (
  origin TEXT PRIMARY KEY, fetched INTEGER NOT NULL, failing_since INTEGER, unreachable TEXT, body BLOB
) WITHOUT ROWID;

-- Icons of sites by their address: JSON of Picture. Many articles have the same.
CREATE TABLE icon (url TEXT PRIMARY KEY, at INTEGER NOT NULL, picture TEXT NOT NULL) WITHOUT ROWID;

-- Pictures by the hash of their bytes.
CREATE TABLE file (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL);
-- Every feed that was ever published, by its folder: topic/x, source/x, section/x, and the empty one, which carries everything.
CREATE TABLE feed (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL UNIQUE,
  -- The newest change of anything that it carries or carried.
  updated INTEGER NOT NULL,
  dirty INTEGER NOT NULL
);

-- A feed's history in parts, oldest first. The last one is open: its records are in the feed's current document and nowhere else.
-- The others are archive documents. `name` is the month with, from the second on, the part's place in it; `closed` is when the
-- first record of the next part came.
CREATE TABLE part (
  feed INTEGER NOT NULL REFERENCES feed (id),
  part INTEGER NOT NULL,
  name TEXT NOT NULL,
  records INTEGER NOT NULL, bytes INTEGER NOT NULL, since INTEGER NOT NULL,
  closed INTEGER,
  dirty INTEGER NOT NULL,
  PRIMARY KEY (feed, part)
) WITHOUT ROWID;
CREATE INDEX part_dirty ON part (feed, part) WHERE dirty = 1;

-- What each part carries. A record that is corrected after its part was closed comes again in the open one. `updated` is the
-- record's when it came.
CREATE TABLE carried (
  feed INTEGER NOT NULL REFERENCES feed (id),
  part INTEGER NOT NULL,
  record INTEGER NOT NULL REFERENCES record (id),
  updated INTEGER NOT NULL,
  PRIMARY KEY (feed, part, record)
) WITHOUT ROWID;
CREATE INDEX carried_by_record ON carried (record);

-- Records as they were until they changed, where an archive document shows them so.
CREATE TABLE version (
  record INTEGER NOT NULL REFERENCES record (id),
  until INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  draft TEXT NOT NULL,
  PRIMARY KEY (record, until)
) WITHOUT ROWID;

-- Entries that were taken out of everything published, with the part of each feed that carried them last.
CREATE TABLE withdrawn (
  feed INTEGER NOT NULL REFERENCES feed (id),
  published_id TEXT NOT NULL,
  part INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (feed, published_id)
) WITHOUT ROWID;

-- Each record's Markdown file, by the record's number: where it is, its stamp when it was last looked at (none: there is none),
-- BLAKE3 of it then and before the last writing, fingerprints of its fields as the program would write them (stage::hugo::Base),
-- whether an editor changed it, its `draft`, whether its writing is known to have ended, and an editor's text of a hidden record.
CREATE TABLE news (
  record INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  bytes INTEGER, modified INTEGER,
  written INTEGER NOT NULL,
  edited INTEGER NOT NULL,
  draft INTEGER NOT NULL,
  hash BLOB NOT NULL, previous BLOB,
  base BLOB NOT NULL,
  kept BLOB
);
CREATE INDEX news_unwritten ON news (written) WHERE written = 0;
