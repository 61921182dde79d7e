//! Group commit for a database: one thread takes all that waits, writes it, makes it durable once, tells everybody.

use crate::Layout;
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use store::Arrival;
use tokio::sync::{mpsc, oneshot};

/// What is asked of a database.
pub enum Ask {
    Admit {
        id: u64,
        envelope: Vec<u8>,
        chunks: Vec<Bytes>,
        waiter: oneshot::Sender<()>,
    },
    Settle {
        id: u64,
    },
}

/// A database.
pub trait Base: Send + 'static {
    /// What a session does by itself before it asks; gives how often it synced.
    fn prepare(&self) -> Prepare;
    /// Writes everything; durable when it returns. Gives how often it synced.
    fn write(&mut self, asked: &[Ask]) -> u64;
}

type Prepare = Arc<dyn Fn(u64, &mut Vec<Bytes>) -> u64 + Send + Sync>;

/// What sessions ask, whether it is the end, and the bell.
type Asked = Arc<(Mutex<(Vec<Ask>, bool)>, Condvar)>;

/// A database behind group commit.
pub struct Group {
    name: &'static str,
    asked: Asked,
    thread: Option<std::thread::JoinHandle<()>>,
    waiting: Mutex<HashMap<u64, Vec<Bytes>>>,
    admitted: mpsc::UnboundedSender<u64>,
    ids: tokio::sync::Mutex<mpsc::UnboundedReceiver<u64>>,
    prepare: Prepare,
    syncs: Arc<AtomicU64>,
}

impl Group {
    pub fn new(name: &'static str, mut base: impl Base) -> Self {
        let asked = Arc::new((Mutex::new((Vec::new(), false)), Condvar::new()));
        let syncs = Arc::new(AtomicU64::new(0));
        let prepare = base.prepare();
        let thread = std::thread::spawn({
            let (asked, syncs) = (asked.clone(), syncs.clone());
            move || {
                loop {
                    let mut work = asked.0.lock().unwrap();
                    while work.0.is_empty() && !work.1 {
                        work = asked.1.wait(work).unwrap();
                    }
                    if work.0.is_empty() {
                        return;
                    }
                    let all: Vec<Ask> = std::mem::take(&mut work.0);
                    drop(work);
                    syncs.fetch_add(base.write(&all), Ordering::Relaxed);
                    for ask in all {
                        if let Ask::Admit { waiter, .. } = ask {
                            let _ = waiter.send(());
                        }
                    }
                }
            }
        });
        let (admitted, ids) = mpsc::unbounded_channel();
        let (waiting, ids) = (Mutex::default(), tokio::sync::Mutex::new(ids));
        Self {
            name,
            asked,
            thread: Some(thread),
            waiting,
            admitted,
            ids,
            prepare,
            syncs,
        }
    }

    fn ask(&self, ask: Ask) {
        self.asked.0.lock().unwrap().0.push(ask);
        self.asked.1.notify_one();
    }
}

impl Layout for Group {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn admit(&self, message: Arrival) {
        let id = message.envelope.id.as_u64();
        self.waiting.lock().unwrap().insert(id, message.chunks.clone());
        let mut chunks = message.chunks;
        let prepare = self.prepare.clone();
        if chunks.iter().map(Bytes::len).sum::<usize>() > 64 << 10 {
            let (syncs, rest) = tokio::task::spawn_blocking(move || (prepare(id, &mut chunks), chunks))
                .await
                .unwrap();
            self.syncs.fetch_add(syncs, Ordering::Relaxed);
            chunks = rest;
        }
        // The envelope costs both rivals the same; its shape does not matter here.
        let envelope = format!(
            "{:?} {:?}",
            message.envelope.scope.sender,
            message.recipients[0].forward_path.as_str()
        );
        let (waiter, told) = oneshot::channel();
        self.ask(Ask::Admit {
            id,
            envelope: envelope.into_bytes(),
            chunks,
            waiter,
        });
        told.await.unwrap();
        self.admitted.send(id).unwrap();
    }

    async fn deliver(&self, count: u64) {
        let mut ids = self.ids.lock().await;
        for _ in 0..count {
            let id = ids.recv().await.unwrap();
            let chunks = self.waiting.lock().unwrap().remove(&id).unwrap();
            let mut whole = BytesMut::new();
            for chunk in &chunks {
                whole.extend_from_slice(chunk);
            }
            assert!(!whole.freeze().is_empty());
            self.ask(Ask::Settle { id });
        }
    }

    fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.asked.0.lock().unwrap().1 = true;
        self.asked.1.notify_one();
        self.thread.take().unwrap().join().unwrap();
    }
}
