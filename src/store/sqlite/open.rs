//! Opening the file: whose it is, of which version, and what brings it up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::{Result, SqliteStore};
use crate::store::StoreError;

const SCHEMA: &str = include_str!("../schema.sql");
/// "tpcw": tells our files from other programs' databases.
const APPLICATION_ID: i32 = 0x7470_6377;
const SCHEMA_VERSION: i32 = 2;
/// What brings a store from each version to the next, the first from 1.
const UPGRADES: [&str; SCHEMA_VERSION as usize - 1] = [include_str!("../upgrade-1.sql")];

impl SqliteStore {
    /// Opens the store at `path`, making it if there is none.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] for another program's file or a newer version's, [`StoreError::Database`] otherwise.
    pub fn open(path: &Path) -> Result<Self> {
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        // Entries have 3 KB: two of them have a page of this size in common. Only a new file can still choose.
        store.pragma("page_size", "8192")?;
        store.pragma("journal_mode", "WAL")?;
        // A commit lost with the machine's power is fetched again: validators are lost with it (invariant 1).
        store.pragma("synchronous", "NORMAL")?;
        store.pragma("foreign_keys", "ON")?;
        store.pragma("temp_store", "MEMORY")?;
        // In KiB: what is asked for again and again during polls, in memory for as long as they take.
        store.pragma("cache_size", "-8192")?;
        // In pages: what several polls write in a row goes into the file once.
        store.pragma("wal_autocheckpoint", "2000")?;
        store.prepare_schema()?;
        store.upgrade()?;
        Ok(store)
    }

    /// Opens the store at `path` for reading beside a working process; `None` if there is none yet.
    ///
    /// # Errors
    /// As [`SqliteStore::open`]; [`StoreError::Older`] for one that is to be brought up to date.
    pub fn open_to_read(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if store.version()? == 0 {
            return Ok(None);
        }
        store.prepare_schema()?;
        match store.version()? {
            SCHEMA_VERSION => Ok(Some(store)),
            // Whoever holds it may be the older program.
            _ => Err(StoreError::Older { path: path.to_owned() }),
        }
    }

    fn connect(path: &Path, flags: OpenFlags) -> Result<Self> {
        let error = |source| StoreError::Database { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty() && flags.contains(OpenFlags::SQLITE_OPEN_CREATE)) {
            std::fs::create_dir_all(folder).map_err(|source| StoreError::Io { path: folder.to_owned(), source })?;
        }
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(error)?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(error)?;
        connection.set_prepared_statement_cache_capacity(64);
        // Without this SQLite plans a query anew whenever a value is bound that a partial index might be chosen by: at each use.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(error)?;
        Ok(Self { path: path.to_owned(), connection })
    }

    fn pragma(&self, name: &str, value: &str) -> Result<()> {
        self.connection.pragma_update(None, name, value).map_err(|e| self.error(e))
    }

    fn version(&self) -> Result<i32> {
        self.connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|e| self.error(e))
    }

    fn prepare_schema(&self) -> Result<()> {
        let unusable = |what: String| StoreError::Unusable { path: self.path.clone(), what };
        let id: i32 = self.connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(|e| self.error(e))?;
        match (id, self.version()?) {
            (APPLICATION_ID, 1..=SCHEMA_VERSION) => Ok(()),
            (APPLICATION_ID, newer) if newer > SCHEMA_VERSION => {
                Err(unusable(format!("was written by a newer topicwire (format {newer}, this one knows {SCHEMA_VERSION}); use that one")))
            }
            (0, 0) => {
                let tables: i64 =
                    self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(|e| self.error(e))?;
                if tables > 0 {
                    return Err(unusable("is another program's database; name a file of its own in [site] store".into()));
                }
                self.connection
                    .execute_batch(&format!(
                        "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
                    ))
                    .map_err(|e| self.error(e))
            }
            _ => Err(unusable("is another program's database; name a file of its own in [site] store".into())),
        }
    }

    /// Brings an older version's store up to date, a version at a time, each wholly or not at all.
    fn upgrade(&self) -> Result<()> {
        let first = usize::try_from(self.version()?).unwrap_or(1).saturating_sub(1);
        for (upgrade, version) in UPGRADES.iter().zip(2..).skip(first) {
            let batch = format!("BEGIN IMMEDIATE; {upgrade} PRAGMA user_version = {version}; COMMIT;");
            self.connection.execute_batch(&batch).map_err(|e| self.error(e))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store as _;

    #[test]
    fn a_store_of_version_1_is_brought_up_to_date() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        Connection::open(&path).unwrap().execute_batch(include_str!("../../../tests/fixtures/stores/version-1.sql")).unwrap();
        let refused = SqliteStore::open_to_read(&path).err().unwrap().to_string();
        assert!(refused.ends_with("was written by an older topicwire; refresh, publish or serve brings it up to date"), "{refused}");
        let store = SqliteStore::open(&path).unwrap();
        let fresh = SqliteStore::open(&dir.path().join("b.db")).unwrap();
        for what in [
            "SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'",
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
        ] {
            let names = |store: &SqliteStore| -> Vec<String> {
                let sql = format!("{what} ORDER BY 1");
                store.connection.prepare(&sql).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            };
            assert_eq!(names(&store), names(&fresh));
        }
        let titles: Vec<String> = store.records(&[1, 2]).unwrap().into_iter().map(|record| record.draft.title).collect();
        assert_eq!(titles, ["Telehealth comes to the harbour", "A quay is mended"]);
        let rows: Vec<(bool, String, String, Option<String>)> = store
            .connection
            .prepare(
                "SELECT r.bytes = length(CAST(d.draft AS BLOB)), r.section, r.topics, r.feed_id FROM record r JOIN draft d ON d.record = r.id \
                 ORDER BY r.number",
            )
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let first = (true, "news".to_owned(), "test-telehealth test-nurses".to_owned(), Some("https://harbour.example/1".to_owned()));
        assert_eq!(rows, [first, (true, "news".to_owned(), String::new(), Some("urn:x:2".to_owned()))]);
        drop(store);
        assert!(SqliteStore::open_to_read(&path).unwrap().is_some());
    }

    #[test]
    fn refuses_another_programs_database_and_a_newer_format() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        let error = SqliteStore::open(&other).err().unwrap().to_string();
        assert!(error.contains("another program's database"), "{error}");
        let newer = dir.path().join("newer.db");
        drop(SqliteStore::open(&newer).unwrap());
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = SqliteStore::open(&newer).err().unwrap().to_string();
        assert!(error.contains("format 99, this one knows 2"), "{error}");
    }
}
