//! Prometheus metrics fed by the same events. Labels are bounded: listener, class, action, outcome, stage; never an account.

use crate::{Event, Sink};

/// Counters and histograms over all events, and gauges that others set.
#[derive(Debug, Clone)]
pub struct Metrics {}

impl Metrics {
    /// Empty metrics.
    pub fn new() -> Self {
        todo!()
    }

    /// Sets a gauge, for example `dogana_queue_recipients` with label `state`.
    pub fn gauge(&self, _name: &'static str, _help: &'static str, _label: (&'static str, &str), _value: i64) {
        todo!()
    }

    /// The exposition text (OpenMetrics).
    pub fn text(&self) -> String {
        todo!()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Sink for Metrics {
    fn record(&self, _events: &[Event]) {
        todo!()
    }
}
