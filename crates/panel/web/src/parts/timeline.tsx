// From the connection to the last attempt, in order.
import type { ComponentChildren } from 'preact';
import type { Event } from '../api';
import { clock, fromNow, fullTime, number, since, size } from '../format';
import { storyPath } from '../router';
import { term, words } from '../words';
import { Status } from './chips';

type Phase = 'connection' | 'envelope' | 'message' | 'verdict' | 'delivery';

const PHASES: Record<Event['event'], Phase> = {
  connected: 'connection',
  greeted: 'connection',
  secured: 'connection',
  logged_in: 'connection',
  login_failed: 'connection',
  mail: 'envelope',
  rcpt: 'envelope',
  received: 'message',
  gathered: 'verdict',
  judged: 'verdict',
  answered: 'verdict',
  stored: 'delivery',
  attempted: 'delivery',
  settled: 'delivery',
  noticed: 'delivery',
  handled: 'delivery',
  locked: 'verdict',
  unlocked: 'verdict',
  limit_hit: 'connection',
  closed: 'connection',
};

export function Timeline({ events }: { events: Event[] }) {
  const start = events[0]?.at ?? '';
  let last: Phase | null = null;
  return (
    <ol class="timeline">
      {events.map((event, at) => {
        // What may happen at any time stays in the phase it happened in.
        const own = PHASES[event.event];
        const phase: Phase = last && ['answered', 'limit_hit', 'closed'].includes(event.event) ? last : own;
        const head = phase !== last ? term(words.value.phases, phase) : '';
        last = phase;
        return (
          <li key={at} class={`event tone-${tone(event)}`}>
            <span class="phase">{head}</span>
            <time dateTime={event.at} title={fullTime(event.at)}>
              {at === 0 ? clock(event.at) : since(start, event.at)}
            </time>
            <div class="told">
              <Told event={event} />
            </div>
          </li>
        );
      })}
    </ol>
  );
}

function tone(event: Event): string {
  switch (event.event) {
    case 'login_failed':
    case 'locked':
      return 'bad';
    case 'limit_hit':
      return 'warn';
    case 'mail':
    case 'rcpt':
    case 'answered':
      return toneOfReply(event.reply);
    case 'judged':
      return event.action === 'refuse' ? 'bad' : event.action === 'accept' ? 'good' : 'warn';
    case 'gathered':
      return event.outcome.startsWith('late') || event.outcome.startsWith('fail') ? 'warn' : 'plain';
    case 'stored':
      return 'good';
    case 'settled':
      return event.outcome === 'delivered' ? 'good' : event.outcome === 'rescheduled' ? 'warn' : 'bad';
    default:
      return 'plain';
  }
}

function toneOfReply(reply: string): string {
  if (reply.startsWith('5')) return 'bad';
  return reply.startsWith('4') ? 'warn' : 'plain';
}

function Reply({ text }: { text: string }) {
  return text ? <code class="reply">{text}</code> : null;
}

function Data({ children }: { children: ComponentChildren }) {
  return <code class="data">{children}</code>;
}

function Told({ event }: { event: Event }) {
  const w = words.value.events;
  switch (event.event) {
    case 'connected':
      return (
        <>
          {w.connected(event.listener, event.client)} {event.via && w.via(event.via)}
        </>
      );
    case 'greeted':
      return (
        <>
          {w.greeted} <Data>{event.helo}</Data>
        </>
      );
    case 'secured':
      return (
        <>
          {w.secured} <Data>{`${event.version} ${event.cipher}`}</Data>
        </>
      );
    case 'logged_in':
      return (
        <>
          {w.loggedIn(event.login)} <Data>{event.mechanism}</Data>
        </>
      );
    case 'login_failed':
      return (
        <>
          {w.loginFailed(event.login)} <Data>{event.mechanism}</Data> {event.reason}
        </>
      );
    case 'mail':
      return (
        <>
          {w.mail} <strong>{event.reverse_path || w.nullPath}</strong> <Reply text={event.reply} />
        </>
      );
    case 'rcpt':
      return (
        <>
          {w.rcpt} <strong>{event.forward_path}</strong> <Reply text={event.reply} />
        </>
      );
    case 'received':
      return (
        <>
          {w.received}, {size(event.size_octets)}
        </>
      );
    case 'gathered':
      return (
        <>
          {w.gathered(event.gatherer)} <Data>{event.outcome}</Data>{' '}
          <span class="took">{number(event.took_us / 1000, 1)} ms</span>
        </>
      );
    case 'judged':
      return (
        <>
          {w.judged(event.stage)}: <strong>{term(words.value.classes, event.class)}</strong>,{' '}
          {term(words.value.actions, event.action).toLowerCase()}
        </>
      );
    case 'answered':
      return (
        <>
          {w.answered} <Reply text={event.reply} />
        </>
      );
    case 'stored':
      return (
        <>
          {w.stored(event.recipients)} <Data>{`${w.pool} ${event.pool}`}</Data>
        </>
      );
    case 'attempted':
      return (
        <>
          {w.attempted(event.host)}{' '}
          <Data>{[event.address, event.tls, event.source && `← ${event.source}`].filter(Boolean).join('  ')}</Data>
        </>
      );
    case 'settled':
      return (
        <>
          <strong>{event.forward_path}</strong> <Status name={event.outcome} />
          {event.next_attempt && <span class="took"> {words.value.story.next} {fromNow(event.next_attempt)}</span>}
          <Reply text={event.reply} />
        </>
      );
    case 'noticed':
      return <a href={storyPath(event.notice)}>{w.noticed(event.to)}</a>;
    case 'handled':
      return (
        <>
          {w.handled(verb(event.verb), event.by)} <span class="took">{event.reason}</span>
        </>
      );
    case 'locked':
      return (
        <>
          {w.locked(event.by)} <span class="took">{event.reason}</span>
        </>
      );
    case 'unlocked':
      return (
        <>
          {w.unlocked(event.by)} <span class="took">{event.reason}</span>
        </>
      );
    case 'limit_hit':
      return (
        <>
          {w.limit} <Data>{event.limit}</Data> {event.detail}
        </>
      );
    case 'closed':
      return (
        <>
          {w.closed} <span class="took">{event.reason}</span>
        </>
      );
    default:
      return null;
  }
}

function verb(name: string): string {
  const w = words.value.queue;
  return w.handledVerbs[name] ?? term(w.verbs, name);
}
