-- Version 1. Times are microseconds since 1970, UTC.
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

-- One row an article. `number` and `published_id` are given out by settle, in an order that does not depend on when polls finished.
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
  dirty INTEGER NOT NULL DEFAULT 1,
  draft TEXT NOT NULL,
  -- The story it tells, once another article tells it too; its place in it, the one to be shown first; why it is there.
  story INTEGER,
  story_rank INTEGER NOT NULL DEFAULT 0,
  story_why TEXT,
  -- Whether its story has been looked for.
  told INTEGER NOT NULL DEFAULT 0,
  hidden INTEGER NOT NULL DEFAULT 0,
  pinned INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX record_dirty ON record (dirty) WHERE dirty = 1;
CREATE INDEX record_unsettled ON record (published, url) WHERE number IS NULL;
CREATE INDEX record_by_original ON record (original) WHERE original IS NOT NULL;
CREATE INDEX record_untold ON record (published, url) WHERE told = 0;
CREATE INDEX record_by_story ON record (story, story_rank) WHERE story IS NOT NULL;
CREATE INDEX record_by_published ON record (published);

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
