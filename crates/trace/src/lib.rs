//! THE STORY. Typed events of one transaction, from the connection to the last delivery attempt, as one stream: the log, the
//! live view, the metrics and the stored story are all fed by it.
//!
//! Promises: telling an event never blocks and never fails; a slow listener loses its place, not the gateway its pace.
//! Events never carry a password, a message body or an unbounded text.

mod event;
mod hub;
mod id;
mod log;
mod metrics;
mod scope;
mod story;

pub use event::{Event, SymbolLine, What};
pub use hub::{Hub, Lagged, Sink, Subscriber};
pub use id::{Id, IdError};
pub use log::LogSink;
pub use metrics::Metrics;
pub use scope::Scope;
pub use story::Story;
