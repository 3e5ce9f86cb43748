//! Records' Markdown files in the embedded store: what tells an editor's change from what was written.

use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};

use super::sqlite::{Result, SqliteStore};
use super::{LookAt, NewsFile, StoreError};
use crate::io::output::Stamp;

const UPSERT: &str = "INSERT INTO news (record, path, bytes, modified, written, edited, draft, hash, previous, base, kept) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (record) DO UPDATE SET path = ?2, bytes = ?3, modified = ?4, \
     written = ?5, edited = ?6, draft = ?7, hash = ?8, previous = ?9, base = ?10, kept = ?11";

fn stamp(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Stamp>> {
    let (bytes, modified): (Option<i64>, Option<i64>) = (row.get(at)?, row.get(at + 1)?);
    Ok(bytes.zip(modified).map(|(bytes, modified_ns)| Stamp { bytes: bytes.unsigned_abs(), modified_ns }))
}

impl SqliteStore {
    pub(super) fn stamps_after(&self, after: u64, count: usize, visit: &mut LookAt<'_>) -> Result<Option<u64>> {
        let mut read = || -> rusqlite::Result<Option<u64>> {
            let mut statement = self
                .connection
                .prepare_cached("SELECT record, path, bytes, modified, written FROM news WHERE record > ?1 ORDER BY record LIMIT ?2")?;
            let mut rows = statement.query(params![after.cast_signed(), i64::try_from(count).unwrap_or(i64::MAX)])?;
            let mut last = None;
            while let Some(row) = rows.next()? {
                let (number, path) = (row.get::<_, i64>(0)?.unsigned_abs(), row.get_ref(1)?);
                visit(number, path.as_str()?, stamp(row, 2)?, row.get(4)?);
                last = Some(number);
            }
            Ok(last)
        };
        read().map_err(|e| self.error(e))
    }

    pub(super) fn looked_until(&self) -> Result<(u64, u64)> {
        let newest: Option<i64> =
            self.connection.query_row("SELECT max(record) FROM news", [], |row| row.get(0)).map_err(|e| self.error(e))?;
        // A note that cannot be read costs a round of looks that begins anew.
        let until = self.meta("looked")?.and_then(|number| number.parse().ok());
        Ok((newest.unwrap_or(0).unsigned_abs(), until.unwrap_or(0)))
    }

    pub(super) fn put_looked(&mut self, number: u64) -> Result<()> {
        self.connection
            .prepare_cached("INSERT INTO meta (key, value) VALUES ('looked', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1")
            .and_then(|mut s| s.execute([number.to_string()]))
            .map_err(|e| self.error(e))?;
        Ok(())
    }

    pub(super) fn news_files(&self, numbers: &[u64]) -> Result<Vec<Option<NewsFile>>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT path, bytes, modified, written, edited, draft, hash, previous, base, kept FROM news WHERE record = ?1")
            .map_err(|e| self.error(e))?;
        let mut read = |number: &u64| {
            let row = statement.query_row([number.cast_signed()], |row| {
                Ok(NewsFile {
                    number: *number,
                    path: row.get(0)?,
                    stamp: stamp(row, 1)?,
                    is_written: row.get(3)?,
                    is_edited: row.get(4)?,
                    is_draft: row.get(5)?,
                    hash: row.get(6)?,
                    previous: row.get(7)?,
                    base: row.get(8)?,
                    kept: row.get(9)?,
                })
            });
            row.optional().map_err(|e| self.error(e))
        };
        numbers.iter().map(&mut read).collect()
    }

    pub(super) fn put_files(&mut self, files: &[NewsFile], gone: &[u64], refill: bool) -> Result<()> {
        let path = self.path.clone();
        let mut write = || -> rusqlite::Result<()> {
            let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut put = tx.prepare_cached(UPSERT)?;
                for file in files {
                    put.execute(params![
                        file.number.cast_signed(),
                        file.path,
                        file.stamp.map(|s| s.bytes.cast_signed()),
                        file.stamp.map(|s| s.modified_ns),
                        file.is_written,
                        file.is_edited,
                        file.is_draft,
                        file.hash,
                        file.previous,
                        file.base,
                        file.kept
                    ])?;
                }
                let mut delete = tx.prepare_cached("DELETE FROM news WHERE record = ?1")?;
                let mut mark = tx.prepare_cached("UPDATE record SET dirty = 1 WHERE number = ?1")?;
                for number in gone {
                    delete.execute([number.cast_signed()])?;
                    if refill {
                        mark.execute([number.cast_signed()])?;
                    }
                }
            }
            tx.commit()
        };
        write().map_err(|source| StoreError::Database { path, source })
    }

    pub(super) fn end_writing(&mut self) -> Result<()> {
        self.connection
            .prepare_cached("UPDATE news SET written = 1 WHERE written = 0")
            .and_then(|mut s| s.execute([]))
            .map(|_| ())
            .map_err(|e| self.error(e))
    }
}
