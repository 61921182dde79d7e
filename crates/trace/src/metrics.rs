//! Prometheus metrics fed by the same events. Labels are bounded: listener, class, action, outcome, stage; never an account.
//!
//! Promises: a family never has more than [`Metrics::SERIES_MAX`] series, whatever values events carry: further values are
//! counted together under `other`. Text form: OpenMetrics 1.0.

use crate::{Event, Sink, What};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counters and histograms over all events, and gauges that others set.
#[derive(Debug, Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    registry: Mutex<Registry>,
    gauges: Mutex<BTreeMap<&'static str, Bounded<1, Gauge>>>,
    events: Family<[(&'static str, &'static str); 1], Counter>,
    connections: Bounded<1, Counter>,
    verdicts: Bounded<4, Counter>,
    symbols: Bounded<1, Counter>,
    settled: Bounded<1, Counter>,
    stored: Bounded<1, Counter>,
    logins: Bounded<1, Counter>,
    limit_hits: Bounded<1, Counter>,
    gathered: Bounded<2, Counter>,
    locks: Bounded<1, Counter>,
    received_octets: Counter,
    gather_seconds: Bounded<1, Histogram, fn() -> Histogram>,
    queue_seconds: Bounded<1, Histogram, fn() -> Histogram>,
}

impl Metrics {
    /// Series of one family; further label values are counted as `other`.
    pub const SERIES_MAX: usize = 64;

    /// Empty metrics.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("dogana");
        let r = &mut registry;
        let shared = Shared {
            events: Family::default(),
            connections: counters(r, "connections", "Connections that ended", ["listener"]),
            verdicts: counters(
                r,
                "verdicts",
                "Verdicts by stage, class, action and cause",
                ["stage", "class", "action", "cause"],
            ),
            symbols: counters(
                r,
                "symbols",
                "Observations that a verdict was made of",
                ["symbol"],
            ),
            settled: counters(
                r,
                "recipients_settled",
                "Outcomes of delivery attempts by recipient",
                ["outcome"],
            ),
            stored: counters(r, "stored", "Messages accepted and made durable", ["pool"]),
            logins: counters(r, "logins", "Logins by result", ["result"]),
            limit_hits: counters(r, "limit_hits", "Times a bound was reached", ["limit"]),
            gathered: counters(
                r,
                "gathered",
                "Answers of gatherers by outcome",
                ["gatherer", "outcome"],
            ),
            locks: counters(r, "locks", "Senders locked and unlocked", ["verb"]),
            received_octets: Counter::default(),
            gather_seconds: histograms(
                r,
                "gather",
                "Time that a gatherer took",
                "gatherer",
                gather_histogram,
            ),
            queue_seconds: histograms(
                r,
                "queue",
                "Time from 250 to a recipient's end",
                "outcome",
                queue_histogram,
            ),
            gauges: Mutex::default(),
            registry: Mutex::default(),
        };
        r.register("events", "Events of all stories", shared.events.clone());
        r.register(
            "received_octets",
            "Octets of received messages",
            shared.received_octets.clone(),
        );
        *shared.lock_registry() = registry;
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Sets a gauge, for example `dogana_queue_recipients` with label `state`.
    pub fn gauge(&self, name: &'static str, help: &'static str, label: (&'static str, &str), value: i64) {
        let mut gauges = self.shared.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        let gauge = gauges.entry(name).or_insert_with(|| {
            let gauge = Bounded::new([label.0], Gauge::default as fn() -> Gauge);
            let short = name.strip_prefix("dogana_").unwrap_or(name);
            self.shared
                .lock_registry()
                .register(short, help, gauge.family.clone());
            gauge
        });
        gauge.with([label.1], |gauge| {
            gauge.set(value);
        });
    }

    /// The exposition text (OpenMetrics).
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut text, &self.shared.lock_registry());
        text
    }

    fn count(&self, event: &Event) {
        let shared = &*self.shared;
        shared.events.get_or_create(&[("event", event.what.name())]).inc();
        match &event.what {
            What::Connected { listener, .. } => shared.connections.inc([listener]),
            What::Judged {
                stage,
                class,
                action,
                cause,
                symbols,
                ..
            } => {
                shared.verdicts.inc([stage, class, action, cause]);
                for symbol in symbols {
                    shared.symbols.inc([&symbol.name]);
                }
            }
            What::Settled {
                outcome, queued_ms, ..
            } => {
                shared.settled.inc([outcome]);
                if outcome != "rescheduled" {
                    shared
                        .queue_seconds
                        .with([outcome], |histogram| histogram.observe(*queued_ms as f64 / 1e3));
                }
            }
            What::Received { size_octets, .. } => {
                shared.received_octets.inc_by(*size_octets);
            }
            What::Gathered {
                gatherer,
                outcome,
                took_us,
            } => {
                shared.gathered.inc([gatherer, outcome]);
                shared
                    .gather_seconds
                    .with([gatherer], |histogram| histogram.observe(*took_us as f64 / 1e6));
            }
            What::Stored { pool, .. } => shared.stored.inc([pool]),
            What::LoggedIn { .. } => shared.logins.inc(["granted"]),
            What::LoginFailed { .. } => shared.logins.inc(["denied"]),
            What::LimitHit { limit, .. } => shared.limit_hits.inc([limit]),
            What::Locked { .. } => shared.locks.inc(["lock"]),
            What::Unlocked { .. } => shared.locks.inc(["unlock"]),
            _ => {}
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Sink for Metrics {
    fn record(&self, events: &[Event]) {
        for event in events {
            self.count(event);
        }
    }
}

impl Shared {
    fn lock_registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Labels<const N: usize> = [(&'static str, String); N];

/// A family that cannot grow without bound.
#[derive(Debug)]
struct Bounded<const N: usize, M, C = fn() -> M> {
    names: [&'static str; N],
    family: Family<Labels<N>, M, C>,
    /// Series made so far; held while one is made.
    made: Mutex<usize>,
}

impl<const N: usize, M: Clone, C: MetricConstructor<M>> Bounded<N, M, C> {
    fn new(names: [&'static str; N], constructor: C) -> Self {
        Self {
            names,
            family: Family::new_with_constructor(constructor),
            made: Mutex::new(0),
        }
    }

    fn with(&self, values: [&str; N], act: impl FnOnce(&M)) {
        let labels = std::array::from_fn(|at| {
            (
                self.names.get(at).copied().unwrap_or_default(),
                values.get(at).copied().unwrap_or_default().to_owned(),
            )
        });
        if let Some(metric) = self.family.get(&labels) {
            return act(&metric);
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        // One series is left for `other`.
        if *made + 1 < Metrics::SERIES_MAX {
            *made += usize::from(self.family.get(&labels).is_none());
            act(&self.family.get_or_create(&labels));
        } else {
            act(&self
                .family
                .get_or_create(&self.names.map(|name| (name, "other".to_owned()))));
        }
    }
}

impl<const N: usize> Bounded<N, Counter> {
    fn inc<T: AsRef<str>>(&self, values: [T; N]) {
        let values = std::array::from_fn(|at| values.get(at).map_or("", AsRef::as_ref));
        self.with(values, |counter| {
            counter.inc();
        });
    }
}

fn counters<const N: usize>(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    names: [&'static str; N],
) -> Bounded<N, Counter> {
    let bounded = Bounded::new(names, Counter::default as fn() -> Counter);
    registry.register(name, help, bounded.family.clone());
    bounded
}

fn histograms(
    registry: &mut Registry,
    name: &'static str,
    help: &'static str,
    label: &'static str,
    make: fn() -> Histogram,
) -> Bounded<1, Histogram, fn() -> Histogram> {
    let bounded = Bounded::new([label], make);
    registry.register_with_unit(name, help, Unit::Seconds, bounded.family.clone());
    bounded
}

fn gather_histogram() -> Histogram {
    Histogram::new([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0])
}

fn queue_histogram() -> Histogram {
    Histogram::new([
        0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0, 21_600.0, 86_400.0, 432_000.0,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;
    use crate::event::tests::one_of_each;
    use jiff::Timestamp;

    fn record(metrics: &Metrics, whats: Vec<What>) {
        let event = |what| Event {
            id: Id::from_u64(3),
            at: Timestamp::UNIX_EPOCH,
            scope: Arc::default(),
            what,
        };
        metrics.record(&whats.into_iter().map(event).collect::<Vec<_>>());
    }

    #[test]
    fn every_event_counts() {
        let metrics = Metrics::new();
        record(&metrics, one_of_each());
        let text = metrics.text();
        for line in [
            "dogana_events_total{event=\"judged\"} 1",
            "dogana_connections_total{listener=\"submission\"} 1",
            "dogana_verdicts_total{stage=\"data\",class=\"spam\",action=\"refuse\",cause=\"content\"} 1",
            "dogana_symbols_total{symbol=\"GTUBE\"} 1",
            "dogana_recipients_settled_total{outcome=\"delivered\"} 1",
            "dogana_stored_total{pool=\"clean\"} 1",
            "dogana_logins_total{result=\"granted\"} 1",
            "dogana_logins_total{result=\"denied\"} 1",
            "dogana_limit_hits_total{limit=\"sessions_max\"} 1",
            "dogana_received_octets_total 1024",
            "dogana_gather_seconds_bucket{le=\"0.01\",gatherer=\"clamav\"} 1",
            "dogana_queue_seconds_count{outcome=\"delivered\"} 1",
            "dogana_locks_total{verb=\"lock\"} 1",
        ] {
            assert!(
                text.lines().any(|given| given == line),
                "{line} is missing in\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
        assert!(!text.contains("info@example.com"), "no account is a label");
    }

    #[test]
    fn families_are_bounded() {
        let metrics = Metrics::new();
        for number in 0..500 {
            record(
                &metrics,
                vec![What::LimitHit {
                    limit: format!("limit_{number}"),
                    detail: String::new(),
                }],
            );
            metrics.gauge("dogana_things", "Things", ("kind", &number.to_string()), number);
        }
        let text = metrics.text();
        let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(count("dogana_limit_hits_total{"), Metrics::SERIES_MAX);
        assert_eq!(count("dogana_things{"), Metrics::SERIES_MAX);
        assert!(
            text.contains("dogana_limit_hits_total{limit=\"other\"} 437\n"),
            "{text}"
        );
    }

    #[test]
    fn gauges_are_set_and_escaped() {
        let metrics = Metrics::new();
        metrics.gauge(
            "dogana_queue_recipients",
            "Recipients in the queue",
            ("state", "held"),
            4,
        );
        metrics.gauge(
            "dogana_queue_recipients",
            "Recipients in the queue",
            ("state", "held"),
            3,
        );
        metrics.gauge(
            "dogana_queue_recipients",
            "Recipients in the queue",
            ("state", "a\"\n"),
            1,
        );
        let text = metrics.text();
        assert!(
            text.contains("dogana_queue_recipients{state=\"held\"} 3\n"),
            "{text}"
        );
        assert!(text.contains("state=\"a\\\"\\n\""), "{text}");
    }
}
