//! The scheduled queue: leases what is due, finds where it goes, brings it to a path.
//!
//! Promises: nothing waits for a DNS answer but what needs that answer; at most `leased_max` recipients are out of the
//! store; what is paused is put off without an attempt and comes back at once when the pause ends.

use crate::carrier::{self, PAUSE_RECHECK};
use crate::context::{Context, Phase};
use crate::pool::Pick;
use crate::settle::{Fate, settle};
use crate::shaping::{Paths, Pushed};
use crate::site::{Destination, Site};
use crate::work::Work;
use futures_util::future::join_all;
use mail::smtp::Reply;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::{PauseScope, QueueFilter, Recipient};
use trace::Id;

/// Recipients leased in one go.
const LEASE_MAX: usize = 1_024;
/// Leasing waits until that many recipients fit again.
const ROOM_MIN: usize = 64;
/// The schedule is looked at again after this time, whatever happens.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// No further path may be made: the work comes back after this time.
const PATHS_WAIT: Duration = Duration::from_secs(30);
/// Messages that are woken at once when a pause ends.
const WAKE_AT_ONCE_MAX: usize = 256;

/// Runs until the end begins.
pub(crate) async fn run(context: Arc<Context>, paths: Arc<Paths>) {
    let _task = context.task();
    let mut phase = context.phase.subscribe();
    let work = async {
        loop {
            let all_paused = context
                .store
                .controls
                .pauses()
                .iter()
                .any(|pause| pause.scope == PauseScope::All);
            let room = context.leased.available_permits();
            if !all_paused && room > 0 {
                let leases = context.store.queue.lease_due(context.now(), room.min(LEASE_MAX));
                if !leases.is_empty() {
                    for lease in leases {
                        dispatch(&context, &paths, take(&context, lease));
                    }
                    // Let the carriers of this thread begin.
                    tokio::task::yield_now().await;
                    continue;
                }
            }
            wait(&context, all_paused, room).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = phase.wait_for(|phase| *phase != Phase::Running) => {}
    }
}

fn take(context: &Context, lease: store::Lease) -> Work {
    let recipients = u32::try_from(lease.recipients.len()).unwrap_or(u32::MAX);
    // Only the scheduler takes permits, and it asked for no more than there were.
    let permit = Arc::clone(&context.leased)
        .try_acquire_many_owned(recipients)
        .ok();
    Work::new(&context.store, lease, permit)
}

/// Until something may be due, fit, or be no longer paused.
async fn wait(context: &Context, all_paused: bool, room: usize) {
    let now = context.now();
    let next = context.store.queue.next_due().filter(|_| !all_paused && room > 0);
    let until_next = next.map(|due| Duration::try_from(due.duration_since(now)).unwrap_or_default());
    let pause = until_next
        .unwrap_or(LOOK_AGAIN)
        .clamp(Duration::from_millis(1), LOOK_AGAIN);
    let fits = async {
        if room > 0 {
            std::future::pending::<()>().await;
        }
        let wanted = ROOM_MIN.min(context.settings.bounds.leased_max);
        drop(
            context
                .leased
                .acquire_many(u32::try_from(wanted).unwrap_or(1))
                .await,
        );
    };
    tokio::select! {
        () = context.store.queue.changed(), if !all_paused && room > 0 => {}
        () = context.store.controls.changed() => wake_paused(context).await,
        () = fits => {}
        () = tokio::time::sleep(pause) => {}
    }
}

/// A pause changed: what was put off by pauses is due again (and put off again, if it still must be).
async fn wake_paused(context: &Context) {
    let ids = context.take_paused();
    for some in ids.chunks(WAKE_AT_ONCE_MAX) {
        let wake = some.iter().map(|id| retry(context, *id));
        join_all(wake).await;
    }
}

async fn retry(context: &Context, id: Id) {
    let filter = QueueFilter {
        id: Some(id),
        ..QueueFilter::default()
    };
    // A failure leaves it to come back by itself after PAUSE_RECHECK.
    let _ = context.store.queue.retry(&filter, context.now()).await;
}

/// Brings the work on its way: at once when all its destinations are known, else in a task that asks DNS.
fn dispatch(context: &Arc<Context>, paths: &Arc<Paths>, work: Work) {
    let mut known = HashMap::new();
    let mut missing = false;
    for (_, recipient) in &work.recipients {
        let domain = recipient.forward_path.domain_key();
        if known.contains_key(&domain) {
            continue;
        }
        let found = context.lookup.known(&domain);
        missing |= found.is_none();
        known.insert(domain, found);
    }
    if !missing {
        let known = known
            .into_iter()
            .filter_map(|(domain, found)| Some((domain, found?)))
            .collect();
        return send_off(context, paths, work, &known);
    }
    let (context, paths, task) = (Arc::clone(context), Arc::clone(paths), context.task());
    tokio::spawn(async move {
        let _task = task;
        let mut over = context.phase.subscribe();
        let ask = async {
            let ask = known.into_keys().map(|domain| async {
                let found = context
                    .lookup
                    .find(&context.settings, &context.resolver, &domain)
                    .await;
                (domain, found)
            });
            join_all(ask).await.into_iter().collect()
        };
        tokio::select! {
            known = ask => send_off(&context, &paths, work, &known),
            _ = over.wait_for(|phase| *phase != Phase::Running) => {}
        }
    });
}

/// Recipients of one message with their places in it.
type Recipients = Vec<(u32, Recipient)>;

/// What is to be done with some recipients of a message.
enum Errand {
    Site(Arc<Site>, Recipients),
    Settle(Recipients, Vec<Fate>),
}

fn send_off(context: &Arc<Context>, paths: &Paths, mut work: Work, known: &HashMap<String, Destination>) {
    let recipients = work.take_recipients();
    for errand in errands(context, &work, recipients, known) {
        match errand {
            Errand::Site(site, recipients) => {
                for some in parts(recipients, site.limits.transaction_recipients_max) {
                    to_path(context, paths, &site, work.split(some));
                }
            }
            Errand::Settle(recipients, fates) => settle_apart(context, work.split(recipients), fates),
        }
    }
}

/// Sorts recipients by site; those that are paused or have no destination are put together.
fn errands(
    context: &Context,
    work: &Work,
    recipients: Recipients,
    known: &HashMap<String, Destination>,
) -> Vec<Errand> {
    let mut by_site: Vec<(Arc<Site>, Recipients)> = Vec::new();
    let (mut others, mut fates) = (Vec::new(), Vec::new());
    for (index, recipient) in recipients {
        let domain = recipient.forward_path.domain_key();
        let destination = known
            .get(&domain)
            .cloned()
            .unwrap_or_else(|| Destination::None(unknown()));
        let site = if let Destination::Site(site) = &destination {
            Some(&*site.name)
        } else {
            None
        };
        if let Some(reply) = context.paused(&work.envelope, &recipient.forward_path, site) {
            context.remember_paused(work.envelope.id);
            others.push((index, recipient));
            fates.push(Fate::PutOff(PAUSE_RECHECK, reply));
            continue;
        }
        match destination {
            Destination::Site(site) => match by_site.iter_mut().find(|(other, _)| other.key == site.key) {
                Some((_, list)) => list.push((index, recipient)),
                None => by_site.push((site, vec![(index, recipient)])),
            },
            Destination::None(reply) => {
                others.push((index, recipient));
                fates.push(Fate::Answered(reply));
            }
        }
    }
    let mut errands: Vec<_> = by_site
        .into_iter()
        .map(|(site, list)| Errand::Site(site, list))
        .collect();
    if !others.is_empty() {
        errands.push(Errand::Settle(others, fates));
    }
    errands
}

/// Cannot be: all domains were looked up. Read as temporary.
fn unknown() -> Reply {
    Reply::new(451, (4, 4, 3), "the destination was not looked up")
}

fn parts(recipients: Recipients, part_max: usize) -> Vec<Recipients> {
    if recipients.len() <= part_max {
        return vec![recipients];
    }
    recipients.chunks(part_max.max(1)).map(<[_]>::to_vec).collect()
}

fn to_path(context: &Arc<Context>, paths: &Paths, site: &Arc<Site>, work: Work) {
    let source = match context.pools.pick(&work.envelope.pool, site.families) {
        Pick::Any => None,
        Pick::Source(source) => Some(source),
        Pick::NoFamily => {
            let text = format!(
                "pool {} has no source of an address family of {}",
                work.envelope.pool, site.name
            );
            return answer(context, work, &Reply::new(451, (4, 4, 4), text));
        }
    };
    let Some(path) = paths.get(site, source, context.settings.bounds.paths_max) else {
        let reply = Reply::new(451, (4, 3, 2), "too many paths are in use");
        context.tell_limit(&work.envelope, &work.scope, "paths_max", reply.one_line());
        return put_off(context, work, PATHS_WAIT, reply);
    };
    match path.push(work, site) {
        Pushed::Taken => {}
        Pushed::Start => carrier::start(context, &path),
        Pushed::Full { work, wait, first } => {
            let reply = Reply::new(
                451,
                (4, 3, 2),
                format!("the ready queue of {} is full", site.name),
            );
            if first {
                context.tell_limit(&work.envelope, &work.scope, "ready_max", reply.one_line());
            }
            put_off(context, work, wait, reply);
        }
        Pushed::Resting(work, rest, reply) => {
            put_off(context, work, rest, reply);
        }
    }
}

fn answer(context: &Arc<Context>, work: Work, reply: &Reply) {
    let fates = vec![Fate::Answered(reply.clone()); work.recipients.len()];
    settle_apart(context, work, fates);
}

fn put_off(context: &Arc<Context>, work: Work, wait: Duration, reply: Reply) {
    let fates = vec![Fate::PutOff(wait, reply); work.recipients.len()];
    settle_apart(context, work, fates);
}

/// Settles in a task of its own, so that a slow disk does not hold up the schedule.
fn settle_apart(context: &Arc<Context>, work: Work, fates: Vec<Fate>) {
    let (context, task) = (Arc::clone(context), context.task());
    tokio::spawn(async move {
        let _task = task;
        settle(&context, work, fates, None).await;
    });
}
