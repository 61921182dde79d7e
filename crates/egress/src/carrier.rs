//! A carrier: the task that works one connection of a path. It takes what is ready, sends it, settles it, keeps the
//! connection for the next, and ends when there is nothing to do.
//!
//! Promises: one transaction at a time is undecided on a connection (two when the next hop is known to take it); work that
//! could not be begun because an old connection had ended is tried at once on a fresh one, at most `RETURNS_MAX` times.

use crate::attempt::{self, Connection, Lost, Unreachable};
use crate::client::{Event, Exchange, Stage};
use crate::context::{Context, LARGE_OCTETS, Phase};
use crate::lesson::Lesson;
use crate::settings::SiteLimits;
use crate::settle::{Fate, Hop, settle};
use crate::shaping::{Carrier, Failed, Path};
use crate::site::Site;
use crate::work::Work;
use mail::smtp::ehlo::Extensions;
use mail::smtp::{MailCommand, RcptCommand, Reply, Severity};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use store::Recipient;
use tokio::time::sleep;

/// How often work may go back to the ready queue because a connection had ended.
const RETURNS_MAX: u8 = 2;
/// Work met a pause: looked at again after this time, or when the pause ends.
pub(crate) const PAUSE_RECHECK: Duration = Duration::from_secs(300);

/// Starts a carrier; its place in the path was taken by whoever calls.
pub(crate) fn start(context: &Arc<Context>, path: &Arc<Path>) {
    let carrier = Carrier::new(Arc::clone(path));
    let (context, task) = (Arc::clone(context), context.task());
    tokio::spawn(async move {
        let _task = task;
        let mut over = context.phase.subscribe();
        tokio::select! {
            () = carry(&context, carrier) => {}
            // What is under way is dropped, and by that given back to the queue.
            _ = over.wait_for(|phase| *phase == Phase::Over) => {}
        }
    });
}

async fn carry(context: &Arc<Context>, mut carrier: Carrier) {
    // Closed never: a carrier without permit would be the lesser evil.
    let _permit = Arc::clone(&context.connections).acquire_owned().await;
    while let Some(work) = carrier.take_or_leave() {
        if !context.is_running() {
            continue;
        }
        carrier.opening();
        let site = carrier.path.site();
        match attempt::open(context, &site, carrier.path.source.as_deref()).await {
            Ok(connection) => {
                if carrier.opened() {
                    start(context, &carrier.path);
                }
                Session {
                    context,
                    carrier: &carrier,
                    site,
                    connection,
                    works: VecDeque::new(),
                }
                .run(work)
                .await;
            }
            Err(unreachable) => not_opened(context, &mut carrier, &site, work, unreachable).await,
        }
    }
}

/// No connection: put the work back for others, or reschedule it with all that is ready.
async fn not_opened(
    context: &Context,
    carrier: &mut Carrier,
    site: &Site,
    mut work: Work,
    failure: Unreachable,
) {
    let hop = Hop {
        site: Arc::clone(&site.name),
        host: failure.host,
        address: failure.address,
        source: carrier.path.source.as_ref().map(|source| source.address),
        tls: None,
        dsn: false,
        reached: failure.reached,
    };
    let reply = failure.reply;
    match carrier.failed(&reply, &context.settings.bounds, failure.busy) {
        Failed::Others { before, now } => {
            tell_pace(context, &work, &hop, before, now, &reply);
            if work.returned < RETURNS_MAX {
                work.returned += 1;
                carrier.path.put_back(work);
                return;
            }
            settle_all(context, work, &reply, &hop).await;
        }
        Failed::Rest { rest, ready, first } => {
            if first {
                let detail = format!(
                    "{} rests for {} s: {}",
                    hop.site,
                    rest.as_secs(),
                    reply.one_line()
                );
                context.tell_limit(&work.envelope, &work.scope, "site_rest", detail);
            }
            for work in std::iter::once(work).chain(ready) {
                settle_all(context, work, &reply, &hop).await;
            }
        }
    }
}

async fn settle_all(context: &Context, work: Work, reply: &Reply, hop: &Hop) {
    let fates = vec![Fate::Answered(reply.clone()); work.recipients.len()];
    settle(context, work, fates, Some(hop)).await;
}

fn tell_pace(context: &Context, work: &Work, hop: &Hop, before: u32, now: u32, reply: &Reply) {
    if before != now {
        let detail = format!(
            "{}: {before} -> {now} connections after {}",
            hop.site,
            reply.one_line()
        );
        context.tell_limit(&work.envelope, &work.scope, "connections_max", detail);
    }
}

/// A session at work.
struct Session<'a> {
    context: &'a Context,
    carrier: &'a Carrier,
    site: Arc<Site>,
    connection: Connection,
    /// Begun and not over, oldest first; beside the client's transactions.
    works: VecDeque<Work>,
}

impl Session<'_> {
    async fn run(mut self, first: Work) {
        let mut next = Some(first);
        while let Some(work) = next {
            if let Some(work) = self.admit(work).await {
                self.begin(work);
                if let Err(lost) = self.transact().await {
                    return self.lost(&lost).await;
                }
            }
            if self.is_used_up() {
                break;
            }
            next = self.next().await;
        }
        self.connection.quit(self.context).await;
    }

    fn limits(&self) -> &SiteLimits {
        &self.site.limits
    }

    fn is_used_up(&self) -> bool {
        self.connection.client.is_closing()
            || self.connection.has_unasked()
            || self.connection.messages >= self.limits().connection_messages_max
            || !self.context.is_running()
            || self.carrier.is_surplus()
    }

    /// The next work, waited for a little.
    async fn next(&mut self) -> Option<Work> {
        let mut waiting = match self.carrier.take_or_wait() {
            Ok(work) => return Some(work),
            Err(waiting) => waiting,
        };
        let mut phase = self.context.phase.subscribe();
        tokio::select! {
            biased;
            work = &mut waiting => return work.ok(),
            () = self.connection.disturbed() => self.connection.client.close(),
            () = sleep(self.context.settings.timeouts.idle) => {}
            _ = phase.wait_for(|phase| *phase != Phase::Running) => {}
        }
        // What was handed over in this very moment is put in front for whoever comes next; this carrier does.
        waiting.close();
        if let Ok(work) = waiting.try_recv() {
            self.carrier.path.put_back(work);
        }
        None
    }

    /// Sets aside what must not or cannot be sent: paused, too big, needs what is not offered. Waits for its slot.
    async fn admit(&mut self, work: Work) -> Option<Work> {
        let wait = self.carrier.path.slot();
        if !wait.is_zero() {
            let mut phase = self.context.phase.subscribe();
            tokio::select! {
                () = sleep(wait) => {}
                // Dropping the work gives it back.
                _ = phase.wait_for(|phase| *phase != Phase::Running) => return None,
            }
        }
        let mut work = work;
        work.room = self.context.room_for(work.envelope.size_octets).await;
        let offered = self.connection.client.offered().clone();
        let (mut aside, mut fates, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        let needs_utf8 = needs_smtputf8(self.context, &work, &offered);
        let needs_8bit = needs_8bitmime(self.context, &work, &offered);
        for (index, recipient) in work.take_recipients() {
            match self.obstacle(&work, &recipient, &offered, (needs_utf8, needs_8bit)) {
                None => kept.push((index, recipient)),
                Some(fate) => {
                    aside.push((index, recipient));
                    fates.push(fate);
                }
            }
        }
        work.recipients = kept;
        if !aside.is_empty() {
            let hop = self.hop();
            settle(self.context, work.split(aside), fates, Some(&hop)).await;
        }
        (!work.recipients.is_empty()).then_some(work)
    }

    fn obstacle(
        &self,
        work: &Work,
        recipient: &Recipient,
        offered: &Extensions,
        (needs_utf8, needs_8bit): (bool, bool),
    ) -> Option<Fate> {
        let envelope = &work.envelope;
        if let Some(reply) = self
            .context
            .paused(envelope, &recipient.forward_path, Some(&self.site.name))
        {
            self.context.remember_paused(envelope.id);
            return Some(Fate::PutOff(PAUSE_RECHECK, reply));
        }
        if let Some(limit) = offered
            .size
            .flatten()
            .filter(|limit| envelope.size_octets > *limit)
        {
            let text = format!(
                "the message has {} octets, the next hop takes {limit}",
                envelope.size_octets
            );
            return Some(Fate::Answered(Reply::new(552, (5, 3, 4), text)));
        }
        if needs_utf8 || (!offered.smtputf8 && !recipient.forward_path.is_ascii()) {
            let text = format!(
                "{} does not offer SMTPUTF8, which this message needs",
                self.connection.host
            );
            return Some(Fate::Answered(Reply::new(553, (5, 6, 7), text)));
        }
        if needs_8bit {
            let text = format!(
                "{} does not offer 8BITMIME, which this message needs",
                self.connection.host
            );
            return Some(Fate::Answered(Reply::new(554, (5, 6, 3), text)));
        }
        None
    }

    fn begin(&mut self, work: Work) {
        self.connection.messages += 1;
        let offered = self.connection.client.offered();
        let exchange = exchange(&work, offered);
        self.connection.client.begin(exchange);
        self.works.push_back(work);
    }

    /// Works until all that was begun is over.
    async fn transact(&mut self) -> Result<(), Lost> {
        while !self.works.is_empty() {
            match self.connection.step(self.context).await? {
                Event::SendBody => self.send_body().await?,
                Event::Done(exchange) => self.done(exchange).await,
                Event::More | Event::Ready | Event::Handshake | Event::Refused(..) => {}
            }
            if self.connection.client.stage().is_none() && !self.works.is_empty() {
                // The peer closed on the transaction before.
                return Err(Lost {
                    stage: None,
                    why: "it closes the connection".to_owned(),
                });
            }
        }
        Ok(())
    }

    async fn send_body(&mut self) -> Result<(), Lost> {
        let Some(work) = self.works.front() else {
            return Ok(());
        };
        let message = match self.context.message(&work.envelope).await {
            Ok(message) => message,
            // In the middle of a transaction the only way out is to close.
            Err(error) => {
                let why = format!("the message cannot be read from the store: {error}");
                return Err(Lost {
                    stage: Some(Stage::Data),
                    why,
                });
            }
        };
        let sent = self
            .connection
            .send_body(&message, self.context.settings.timeouts.block)
            .await;
        if let Err(lost) = sent {
            if let Event::Done(exchange) = self.connection.last_word(lost).await? {
                self.done(exchange).await;
            }
            return Ok(());
        }
        self.ride().await;
        Ok(())
    }

    /// Lets the next message's commands go out together with the last octets of this one, where that is known to work.
    async fn ride(&mut self) {
        let may = self.site.pipeline_messages
            && self.connection.client.offered().pipelining
            && self.works.len() == 1
            && self.limits().messages_per_second_max.is_none()
            && !self.is_used_up();
        let next = if may { self.carrier.path.take() } else { None };
        match next {
            // Never wait for room while holding some: two who do so would wait for each other.
            Some(work) if work.envelope.size_octets > LARGE_OCTETS => self.carrier.path.put_back(work),
            Some(work) => {
                if let Some(work) = self.admit(work).await {
                    self.begin(work);
                }
            }
            None => {}
        }
    }

    async fn done(&mut self, exchange: Exchange) {
        let Some(mut work) = self.works.pop_front() else {
            return;
        };
        let closed = exchange.replies.iter().flatten().find(|reply| reply.code == 421);
        if let Some(reply) = closed {
            let (before, now) = self.carrier.path.pushed_back();
            tell_pace(self.context, &work, &self.hop(), before, now, reply);
            let nothing_begun = !exchange.answered && self.connection.messages > 1;
            if nothing_begun && work.returned < RETURNS_MAX {
                work.returned += 1;
                return self.carrier.path.put_back(work);
            }
        }
        let hop = self.hop();
        let (now, later) = split_off_too_many(&mut work, exchange.replies);
        if now.iter().any(|reply| reply.severity() == Severity::Completion) {
            self.carrier.path.succeeded();
        }
        if let Some(later) = later {
            self.carrier.path.put_back(later);
        }
        let lesson = match &exchange.to_message {
            Some(reply) => Lesson::of(self.context, &work, reply).await,
            None => None,
        };
        let fates = now.into_iter().map(Fate::Answered).collect();
        settle(self.context, work, fates, Some(&hop)).await;
        if let Some(lesson) = lesson {
            lesson.learn(self.context, &hop);
        }
    }

    /// The connection is gone. What was not begun there goes back; what was is rescheduled.
    async fn lost(mut self, lost: &Lost) {
        let hop = self.hop();
        let reply = lost.reply(&self.connection.host);
        let exchanges: Vec<_> = self.connection.take_exchanges().collect();
        let works = std::mem::take(&mut self.works);
        let reused = self.connection.messages > 1;
        for (place, (mut work, mut exchange)) in works.into_iter().zip(exchanges).enumerate() {
            let fresh_attempt_helps = !exchange.answered && (reused || place > 0);
            if fresh_attempt_helps && work.returned < RETURNS_MAX {
                work.returned += 1;
                self.carrier.path.put_back(work);
                continue;
            }
            exchange.decide_rest(&reply);
            let fates = exchange
                .replies
                .into_iter()
                .flatten()
                .map(Fate::Answered)
                .collect();
            settle(self.context, work, fates, Some(&hop)).await;
        }
    }

    fn hop(&self) -> Hop {
        Hop {
            site: Arc::clone(&self.site.name),
            host: self.connection.host.clone(),
            address: Some(self.connection.address),
            source: self.carrier.path.source.as_ref().map(|source| source.address),
            tls: self.connection.tls.clone(),
            dsn: self.connection.client.offered().dsn,
            reached: true,
        }
    }
}

/// 452 to some RCPT while others were taken means "too many at once": these go into the next transaction right away
/// (RFC 5321 §4.5.3.1.10). Since others were taken, that ends.
fn split_off_too_many(work: &mut Work, replies: Vec<Option<Reply>>) -> (Vec<Reply>, Option<Work>) {
    let taken = replies
        .iter()
        .flatten()
        .any(|reply| reply.severity() == Severity::Completion);
    let too_many = |reply: &Reply| {
        taken
            && reply.code == 452
            && reply
                .enhanced
                .is_none_or(|code| (code.subject, code.detail) == (5, 3))
    };
    let (mut now, mut kept, mut later) = (Vec::new(), Vec::new(), Vec::new());
    for (recipient, reply) in work.take_recipients().into_iter().zip(replies) {
        // Undecided cannot be once the transaction is over; read as temporary if it were.
        let reply = reply.unwrap_or_else(|| Reply::new(451, (4, 5, 0), "no reply decided this recipient"));
        if too_many(&reply) {
            later.push(recipient);
        } else {
            kept.push(recipient);
            now.push(reply);
        }
    }
    work.recipients = kept;
    let later = (!later.is_empty()).then(|| work.split(later));
    (now, later)
}

fn exchange(work: &Work, offered: &Extensions) -> Exchange {
    let envelope = &work.envelope;
    let command = MailCommand {
        reverse_path: envelope.reverse_path.clone(),
        size_octets: Some(envelope.size_octets),
        body: envelope.body,
        smtputf8: envelope.smtputf8,
        ret: envelope.ret,
        envid: envelope.envid.clone(),
        auth: None,
    };
    let rcpts = work.recipients.iter().map(|(_, recipient)| {
        let command = RcptCommand {
            forward_path: Some(recipient.forward_path.clone()),
            notify: recipient.notify,
            orcpt: recipient.orcpt.clone(),
        };
        command.write(offered)
    });
    Exchange::new(command.write(offered), rcpts.collect())
}

/// The message has octets beyond ASCII and the next hop does not offer 8BITMIME (RFC 6152 §3: such a message is converted or
/// returned). Notices go as they are: a returned notice would be lost.
fn needs_8bitmime(context: &Context, work: &Work, offered: &Extensions) -> bool {
    if offered.eight_bit_mime || work.envelope.reverse_path.is_none() {
        return false;
    }
    !context
        .store
        .queue
        .message(work.envelope.id)
        .unwrap_or_default()
        .is_ascii()
}

/// The message as a whole needs SMTPUTF8 and the next hop does not offer it: a reverse-path or header beyond ASCII.
fn needs_smtputf8(context: &Context, work: &Work, offered: &Extensions) -> bool {
    if !work.envelope.smtputf8 || offered.smtputf8 {
        return false;
    }
    if work
        .envelope
        .reverse_path
        .as_ref()
        .is_some_and(|path| !path.is_ascii())
    {
        return true;
    }
    let message = context.store.queue.message(work.envelope.id).unwrap_or_default();
    let header_end = message
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or(message.len());
    !message.get(..header_end).unwrap_or_default().is_ascii()
}
