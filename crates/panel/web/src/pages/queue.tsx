// What waits, why, and what can be done about it.
import { api, type QueueCounts, type QueueFilter, type QueueLine } from '../api';
import { clock, fromNow, fullTime, number, size } from '../format';
import { useAsked, useEvery } from '../parts/ask';
import { ClassChip, SenderName } from '../parts/chips';
import { Empty, Failure } from '../parts/notice';
import { Pauses } from '../parts/pauses';
import { QueueActions } from '../parts/queue-actions';
import { query, setQuery, storyPath } from '../router';
import { term, words } from '../words';
import { TextFilter } from './live';

function filterNow(): QueueFilter {
  const filter: QueueFilter = {};
  for (const name of ['sender', 'destination', 'pool'] as const) {
    const value = query.value.get(name);
    if (value) filter[name] = value;
  }
  const state = query.value.get('state');
  if (state) filter.held = state === 'held';
  return filter;
}

export function QueuePage() {
  const filter = filterNow();
  const after = query.value.get('after') ?? '';
  const asked = useAsked(() => api.queue({ ...filter, after, limit: 200 }), JSON.stringify(filter) + after);
  useEvery(5_000, asked.again);
  const w = words.value.queue;
  const found = asked.value.value;
  const isEmpty = Object.keys(filter).length === 0;
  return (
    <>
      <Pauses title={w.title}>{found && <Counts counts={found.counts} />}</Pauses>
      <div class="bar-top">
        <Filters />
      </div>
      {asked.problem.value && <Failure code={asked.problem.value} onRetry={asked.again} />}
      {found && found.rows.length === 0 && (
        <Empty title={isEmpty ? w.empty : w.emptyFilter} {...(isEmpty ? { hint: w.emptyHint } : {})} />
      )}
      {found && found.rows.length > 0 && (
        <>
          <section class="for-all" aria-label={isEmpty ? w.everything : w.allFitting}>
            <span>{isEmpty ? w.everything : w.allFitting}</span>
            <QueueActions filter={filter} all={isEmpty} onDone={asked.again} />
          </section>
          <QueueTable rows={found.rows} onDone={asked.again} />
        </>
      )}
      {found?.next && (
        <footer class="list-foot">
          <button type="button" onClick={() => setQuery({ after: found.next ?? '' })}>
            {w.next}
          </button>
        </footer>
      )}
    </>
  );
}

function Counts({ counts }: { counts: QueueCounts }) {
  const w = words.value.queue;
  const figures: [string, string][] = [
    [w.messages, number(counts.messages)],
    [w.scheduled, number(counts.scheduled)],
    [w.leased, number(counts.leased)],
    [w.held, number(counts.held)],
    [w.octets, size(counts.octets)],
  ];
  return (
    <dl class="tiles">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{counts.exact ? value : `${w.atLeast} ${value}`}</dd>
        </div>
      ))}
    </dl>
  );
}

function Filters() {
  const w = words.value.queue;
  const get = (name: string) => query.value.get(name) ?? '';
  const states: [string, string][] = [
    ['', w.any],
    ['scheduled', w.onlyScheduled],
    ['held', w.onlyHeld],
  ];
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <TextFilter name="sender" label={w.sender} hint={w.senderHint} value={get('sender')} first />
      <TextFilter name="destination" label={w.destination} hint={w.destinationHint} value={get('destination')} />
      <TextFilter name="pool" label={w.pool} hint={w.pool} value={get('pool')} />
      <fieldset class="segments">
        <legend class="sr">{w.state}</legend>
        {states.map(([name, label]) => (
          <label key={name}>
            <input type="radio" name="state" checked={get('state') === name} onChange={() => setQuery({ state: name, after: '' })} />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
    </form>
  );
}

function QueueTable({ rows, onDone }: { rows: QueueLine[]; onDone: () => void }) {
  const w = words.value.queue;
  return (
    <table class="queue">
      <thead>
        <tr>
          <th scope="col" class="at">{w.arrived}</th>
          <th scope="col" class="state">{w.state}</th>
          <th scope="col" class="who">{w.sender}</th>
          <th scope="col" class="whom">{w.recipient}</th>
          <th scope="col" class="due">{w.due}</th>
          <th scope="col" class="n">{w.attempts}</th>
          <th scope="col" class="why">{w.lastReply}</th>
          <th scope="col"><span class="sr">{w.verbs.retry}</span></th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={`${row.id}.${row.index}`} class={`class-${row.class}`}>
            <td class="at">
              <a data-row href={storyPath(row.id)} title={fullTime(row.arrived)}>
                <time dateTime={row.arrived}>{clock(row.arrived)}</time>
              </a>
            </td>
            <td class="state">
              <span class={`status ${row.state === 'held' ? 'warn' : 'plain'}`}>{term(w.states, row.state)}</span>
            </td>
            <td class="who" title={row.reverse_path}>
              <SenderName name={row.sender || row.reverse_path || '<>'} />
            </td>
            <td class="whom" title={row.recipient}>
              <span class="arrow" aria-hidden="true">→ </span>
              <span>{row.recipient}</span>
            </td>
            <td class="due" title={row.due ? fullTime(row.due) : undefined}>
              {row.due && (Date.parse(row.due) <= Date.now() ? w.now : fromNow(row.due))}
            </td>
            <td class="n" data-label={w.attempts}>{number(row.attempts)}</td>
            <td class="why" title={row.reason || row.last_reply}>
              {row.class !== 'clean' && <ClassChip name={row.class} />} <bdi>{row.reason || row.last_reply}</bdi>
            </td>
            <td class="do">
              <QueueActions filter={{ id: row.id }} isHeld={row.state === 'held'} small onDone={onDone} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
