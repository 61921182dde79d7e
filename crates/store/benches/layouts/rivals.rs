//! SQLite (WAL, `synchronous=FULL`, large messages in files) and fjall (explicit `SyncAll` after each group).

use crate::group::{Ask, Base, Group};
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode};
use rusqlite::{Connection, params};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Messages above this go to a file of their own.
const ROW_OCTETS_MAX: usize = 64 << 10;

struct Sqlite {
    connection: Connection,
    folder: PathBuf,
}

pub fn sqlite(path: &Path) -> Group {
    let connection = Connection::open(path.join("queue.sqlite")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;
             CREATE TABLE message (id INTEGER PRIMARY KEY, envelope BLOB NOT NULL, octets BLOB);
             CREATE TABLE recipient (id INTEGER, number INTEGER, due INTEGER, PRIMARY KEY (id, number)) WITHOUT ROWID;",
        )
        .unwrap();
    Group::new(
        "SQLite",
        Sqlite {
            connection,
            folder: path.to_owned(),
        },
    )
}

impl Base for Sqlite {
    fn prepare(&self) -> Arc<dyn Fn(u64, &mut Vec<Bytes>) -> u64 + Send + Sync> {
        let folder = self.folder.clone();
        Arc::new(move |id, chunks| {
            let mut file = File::create(folder.join(format!("{id}.eml"))).unwrap();
            for chunk in chunks.drain(..) {
                file.write_all(&chunk).unwrap();
            }
            file.sync_data().unwrap();
            File::open(&folder).unwrap().sync_all().unwrap();
            2
        })
    }

    fn write(&mut self, asked: &[Ask]) -> u64 {
        let transaction = self.connection.transaction().unwrap();
        for ask in asked {
            match ask {
                Ask::Admit {
                    id, envelope, chunks, ..
                } => {
                    let octets = (!chunks.is_empty()).then(|| chunks.concat());
                    transaction
                        .prepare_cached("INSERT INTO message VALUES (?1, ?2, ?3)")
                        .unwrap()
                        .execute(params![*id as i64, envelope, octets])
                        .unwrap();
                    transaction
                        .prepare_cached("INSERT INTO recipient VALUES (?1, 0, 0)")
                        .unwrap()
                        .execute([*id as i64])
                        .unwrap();
                }
                Ask::Settle { id } => {
                    for statement in [
                        "DELETE FROM recipient WHERE id = ?1",
                        "DELETE FROM message WHERE id = ?1",
                    ] {
                        transaction
                            .prepare_cached(statement)
                            .unwrap()
                            .execute([*id as i64])
                            .unwrap();
                    }
                    // Only large messages have one.
                    let _ = std::fs::remove_file(self.folder.join(format!("{id}.eml")));
                }
            }
        }
        transaction.commit().unwrap();
        1
    }
}

struct Fjall {
    base: Database,
    envelopes: Keyspace,
    octets: Keyspace,
}

pub fn fjall(path: &Path) -> Group {
    let base = Database::builder(path.join("fjall"))
        .manual_journal_persist(true)
        .open()
        .unwrap();
    let envelopes = base
        .keyspace("envelopes", KeyspaceCreateOptions::default)
        .unwrap();
    let separate = || {
        let far = KvSeparationOptions::default().separation_threshold(ROW_OCTETS_MAX as u32);
        KeyspaceCreateOptions::default().with_kv_separation(Some(far))
    };
    let octets = base.keyspace("octets", separate).unwrap();
    Group::new(
        "fjall",
        Fjall {
            base,
            envelopes,
            octets,
        },
    )
}

impl Base for Fjall {
    fn prepare(&self) -> Arc<dyn Fn(u64, &mut Vec<Bytes>) -> u64 + Send + Sync> {
        Arc::new(|_, _| 0)
    }

    fn write(&mut self, asked: &[Ask]) -> u64 {
        let mut batch = self.base.batch();
        for ask in asked {
            match ask {
                Ask::Admit {
                    id, envelope, chunks, ..
                } => {
                    batch.insert(&self.envelopes, id.to_be_bytes(), envelope.as_slice());
                    batch.insert(&self.octets, id.to_be_bytes(), chunks.concat());
                }
                Ask::Settle { id } => {
                    batch.remove(&self.envelopes, id.to_be_bytes());
                    batch.remove(&self.octets, id.to_be_bytes());
                }
            }
        }
        batch.commit().unwrap();
        self.base.persist(PersistMode::SyncAll).unwrap();
        1
    }
}
