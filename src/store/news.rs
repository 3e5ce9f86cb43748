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
    pub(super) fn all_stamps(&self, visit: &mut LookAt<'_>) -> Result<()> {
        let mut read = || -> rusqlite::Result<()> {
            let mut statement =
                self.connection.prepare_cached("SELECT record, path, bytes, modified, written FROM news ORDER BY record")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let path = row.get_ref(1)?;
                visit(row.get::<_, i64>(0)?.unsigned_abs(), path.as_str()?, stamp(row, 2)?, row.get(4)?);
            }
            Ok(())
        };
        read().map_err(|e| self.error(e))
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
