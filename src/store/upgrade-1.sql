-- Version 1 kept a record's words in its row, and indexed in their order the records that are on their way.
CREATE TABLE draft (record INTEGER PRIMARY KEY REFERENCES record (id), draft TEXT NOT NULL);
INSERT INTO draft (record, draft) SELECT id, draft FROM record ORDER BY id;
ALTER TABLE record ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN section TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN topics TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN feed_id TEXT;
UPDATE record SET
  bytes = length(CAST(draft AS BLOB)),
  section = coalesce(draft ->> '$.section', ''),
  topics = coalesce((SELECT group_concat(t.value ->> 'slug', ' ') FROM json_each(record.draft, '$.topics') t), ''),
  feed_id = draft ->> '$.feed_id';
ALTER TABLE record DROP COLUMN draft;
DROP INDEX record_unsettled;
CREATE INDEX record_unsettled ON record (told) WHERE number IS NULL;
DROP INDEX record_untold;
CREATE INDEX record_untold ON record (told) WHERE told = 0;
DROP INDEX record_by_published;
CREATE INDEX record_by_published ON record (published) WHERE number IS NOT NULL;
