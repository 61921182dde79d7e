// One message, from the connection to the last attempt.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { api, type Event, type StoryRow } from '../api';
import { fromNow, fullTime, probability, size } from '../format';
import { useAsked, useEvery } from '../parts/ask';
import { ClassChip, SenderName, Status } from '../parts/chips';
import { Content } from '../parts/content';
import { BackIcon, CopyIcon } from '../parts/icons';
import { Json } from '../parts/json';
import { Empty, Failure } from '../parts/notice';
import { QueueActions } from '../parts/queue-actions';
import { Teach } from '../parts/teach';
import { Timeline } from '../parts/timeline';
import { Weights } from '../parts/weights';
import { senderPath } from '../router';
import { language } from '../settings';
import { term, words } from '../words';

type Judged = Extract<Event, { event: 'judged' }>;
type Settled = Extract<Event, { event: 'settled' }>;

const UNFINISHED = ['session', 'queued', 'held', 'partly_delivered'];

export function StoryPage({ id }: { id: string }) {
  const asked = useAsked(() => api.story(id), id);
  const w = words.value.story;
  const found = asked.value.value;
  useEvery(4_000, () => {
    const status = asked.value.value?.row.status ?? '';
    if (UNFINISHED.includes(status)) asked.again();
  });
  if (!found) {
    const missing = asked.problem.value === 'missing';
    return (
      <article class="story-page">
        <Back />
        {missing && <Empty title={w.missing} hint={w.missingHint} />}
        {asked.problem.value && !missing && <Failure code={asked.problem.value} onRetry={asked.again} />}
        {asked.loading.value && <p class="hint">{words.value.loading}</p>}
      </article>
    );
  }
  const judged = lastJudged(found.events);
  return (
    <article class="story-page">
      <Back />
      <Head row={found.row} />
      <div class="story-columns">
        <div>
          {judged && <Verdict judged={judged} row={found.row} sentence={found.sentences[language.value] ?? judged.reason} />}
          <Deliveries row={found.row} events={found.events} onDone={asked.again} />
          {judged && <Content facts={judged.facts} />}
          {judged && <Facts judged={judged} />}
        </div>
        <section aria-labelledby="timeline">
          <h2 id="timeline">{w.timeline}</h2>
          <Timeline events={found.events} />
        </section>
      </div>
    </article>
  );
}

/** The verdict that counted: the one that stopped something, else the last. */
function lastJudged(events: Event[]): Judged | undefined {
  const all = events.filter((event): event is Judged & Event => event.event === 'judged');
  return all.find((event) => event.action !== 'accept') ?? all.at(-1);
}

function Back() {
  return (
    <p class="back">
      <a href="/" onClick={(event) => {
        if (history.length > 1) {
          event.preventDefault();
          history.back();
        }
      }}>
        <BackIcon /> {words.value.story.back}
      </a>
    </p>
  );
}

function Head({ row }: { row: StoryRow }) {
  const w = words.value;
  return (
    <header class="story-head">
      <p class="marks">
        <ClassChip name={row.class} /> <Status name={row.status} />
        <time dateTime={row.at ?? ''}>{fullTime(row.at)}</time>
      </p>
      <h1>
        <bdi>{row.subject || w.live.noSubject}</bdi>
      </h1>
      <dl class="pairs">
        {row.sender && (
          <Pair name={w.story.sender}>
            <a href={senderPath(row.sender)}>
              <SenderName name={row.sender} />
            </a>
          </Pair>
        )}
        {row.header_from && <Pair name={w.story.from}>{row.header_from}</Pair>}
        <Pair name={w.story.envelope}>{row.reverse_path || '<>'}</Pair>
        <Pair name={w.story.to}>{row.recipients.join(', ')}</Pair>
        <Pair name={w.story.client}>
          {row.client} <span class="took">{row.listener}</span>
        </Pair>
        {row.size_octets > 0 && <Pair name={w.story.size}>{size(row.size_octets)}</Pair>}
        {row.message_id && (
          <Pair name={w.story.messageId}>
            <code>{row.message_id}</code>
          </Pair>
        )}
        <Pair name={w.story.reference}>
          <code>{row.id}</code> <Copy text={row.id} />
          {['refused', 'deferred', 'held'].includes(row.status) && (
            <a class="public-link" href={`/r/${row.id}`} target="_blank" rel="noopener">
              {w.story.publicPage}
            </a>
          )}
        </Pair>
      </dl>
    </header>
  );
}

function Pair({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <bdi>{children}</bdi>
      </dd>
    </div>
  );
}

function Copy({ text }: { text: string }) {
  const done = useSignal(false);
  const w = words.value.story;
  return (
    <button type="button" class="quiet small" title={w.copy} aria-label={w.copy} onClick={() => {
      void navigator.clipboard?.writeText(text).then(() => {
        done.value = true;
        setTimeout(() => (done.value = false), 1500);
      });
    }}>
      {done.value ? w.copied : <CopyIcon />}
    </button>
  );
}

function Verdict({ judged, row, sentence }: { judged: Judged; row: StoryRow; sentence: string }) {
  const w = words.value;
  const action = term(w.actions, judged.action);
  return (
    <section class={`verdict action-${judged.action}`} aria-labelledby="verdict">
      <h2 id="verdict">
        {action} <span class="verdict-class">{term(w.classes, judged.class)}</span>
      </h2>
      <p class="verdict-score">
        {w.story.probability(probability(judged.score_db))} · {term(w.standings, judged.standing)}
      </p>
      {sentence && (
        <p class="verdict-reason">
          {judged.cause && <strong>{term(w.causes, judged.cause)}: </strong>}
          <bdi>{sentence}</bdi>
        </p>
      )}
      {row.last_reply && !['delivered', 'queued'].includes(row.status) && <code class="reply block">{row.last_reply}</code>}
      <h3>{w.story.symbols}</h3>
      {judged.symbols.length > 0 ? (
        <Weights symbols={judged.symbols} score={judged.score_db} />
      ) : (
        <p class="hint">{w.story.noSymbols}</p>
      )}
    </section>
  );
}

/** The last outcome of each recipient. */
function Deliveries({ row, events, onDone }: { row: StoryRow; events: Event[]; onDone: () => void }) {
  const w = words.value;
  const last = new Map<string, Settled>();
  for (const event of events) if (event.event === 'settled') last.set(event.forward_path, event);
  const isQueued = ['queued', 'held', 'partly_delivered'].includes(row.status);
  if (last.size === 0 && !isQueued) return null;
  return (
    <section class="deliveries" aria-labelledby="delivery">
      <h2 id="delivery">{w.story.delivery}</h2>
      <ul>
        {[...last.values()].map((event) => (
          <li key={event.forward_path}>
            <p>
              <strong>{event.forward_path}</strong> <Status name={event.outcome} />
              <span class="took">
                {' '}
                {w.story.attempts(event.attempts)}
                {event.next_attempt && `, ${w.story.next} ${fromNow(event.next_attempt)}`}
              </span>
            </p>
            {event.reply && <code class="reply block">{event.reply}</code>}
          </li>
        ))}
      </ul>
      {isQueued && <QueueActions filter={{ id: row.id }} isHeld={row.status === 'held'} onDone={onDone} />}
      {isQueued && <Teach id={row.id} onDone={onDone} />}
    </section>
  );
}

function Facts({ judged }: { judged: Judged }) {
  const w = words.value.story;
  if (judged.facts === undefined && judged.verdict === undefined) return null;
  return (
    <section class="facts">
      {judged.facts !== undefined && (
        <details>
          <summary>{w.facts}</summary>
          <p class="hint">{w.factsHint}</p>
          <Json value={judged.facts} />
        </details>
      )}
      {judged.verdict !== undefined && (
        <details>
          <summary>{w.verdict}</summary>
          <Json value={judged.verdict} />
        </details>
      )}
    </section>
  );
}
