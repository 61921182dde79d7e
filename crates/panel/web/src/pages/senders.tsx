// Who sends, how much, and how they stand.
import { useSignal } from '@preact/signals';
import { api, type SenderLine } from '../api';
import { fullTime, number, senderParts } from '../format';
import { useAsked, useEvery } from '../parts/ask';
import { SenderName, StandingChip } from '../parts/chips';
import { LockDialog } from '../parts/lock-dialog';
import { Empty, Failure } from '../parts/notice';
import { query, senderPath, setQuery } from '../router';
import { term, words } from '../words';
import { TextFilter } from './live';

const STANDINGS = ['new', 'good', 'watched', 'limited', 'locked'];

export function SendersPage() {
  const q = query.value.get('q') ?? '';
  const standing = query.value.get('standing') ?? '';
  const asked = useAsked(() => api.senders({ q, standing, limit: 200 }), `${q} ${standing}`);
  useEvery(10_000, asked.again);
  const w = words.value.senders;
  const found = asked.value.value;
  return (
    <>
      <h1 class="page-title">{w.title}</h1>
      <div class="bar-top">
        <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
          <TextFilter name="q" label={w.search} hint={w.searchHint} value={q} first />
          <fieldset class="segments">
            <legend class="sr">{w.standing}</legend>
            {['', ...STANDINGS].map((name) => (
              <label key={name}>
                <input type="radio" name="standing" checked={standing === name} onChange={() => setQuery({ standing: name })} />
                <span>{name ? term(words.value.standings, name) : w.any}</span>
              </label>
            ))}
          </fieldset>
        </form>
      </div>
      {asked.problem.value && <Failure code={asked.problem.value} onRetry={asked.again} />}
      {found && found.rows.length === 0 && <Empty title={w.empty} />}
      {found && found.rows.length > 0 && <SenderTable rows={found.rows} onDone={asked.again} />}
      {found?.more && <p class="hint list-foot">{w.more}</p>}
    </>
  );
}

function SenderTable({ rows, onDone }: { rows: SenderLine[]; onDone: () => void }) {
  const w = words.value.senders;
  const most = Math.max(1, ...rows.map((row) => row.recipients_day));
  return (
    <table class="senders">
      <thead>
        <tr>
          <th scope="col" class="who">{w.sender}</th>
          <th scope="col" class="class">{w.standing}</th>
          <th scope="col" class="n">{w.messages} <small>{w.day}</small></th>
          <th scope="col" class="n wide">{w.recipients} <small>{w.day}</small></th>
          <th scope="col" class="n">{w.refusals} <small>{w.day}</small></th>
          <th scope="col" class="why">{w.reason}</th>
          <th scope="col"><span class="sr">{w.lock}</span></th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key} class={`standing-${row.standing}`}>
            <td class="who">
              <a data-row href={senderPath(row.key)}>
                <SenderName name={row.key} />
              </a>
              <span class="took">{row.tenant}</span>
            </td>
            <td class="class">
              <StandingChip name={row.standing} />
            </td>
            <td class="n" data-label={w.messages}>{number(row.messages_day)}</td>
            <td class="n wide" data-label={w.recipients}>
              <span class="share" aria-hidden="true">
                <span style={{ width: `${(row.recipients_day / most) * 100}%` }} />
              </span>
              <span>{number(row.recipients_day)}</span>
            </td>
            <td class={row.refusals_day > 0 ? 'n bad' : 'n'} data-label={w.refusals}>{number(row.refusals_day)}</td>
            <td class="why" title={row.lock?.reason}>
              {row.lock && (
                <>
                  <bdi>{row.lock.reason}</bdi>{' '}
                  <span class="took">
                    {w.lockedSince(row.lock.by)}
                    {row.lock.until && `, ${w.lockedUntil} ${fullTime(row.lock.until)}`}
                  </span>
                </>
              )}
            </td>
            <td class="do">
              <LockButton row={row} onDone={onDone} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Lock or unlock, whichever makes sense and is allowed. */
export function LockButton({ row, onDone }: { row: SenderLine; onDone: () => void }) {
  const open = useSignal(false);
  const w = words.value.senders;
  const verb = row.standing === 'locked' ? 'unlock' : 'lock';
  if (!row.may.includes(verb)) return null;
  const label = verb === 'lock' ? w.lock : w.unlock;
  return (
    <>
      <button type="button" class={verb === 'lock' ? 'quiet' : undefined} aria-label={`${label} ${senderParts(row.key)[1]}`}
        onClick={() => (open.value = true)}>
        {label}
      </button>
      {open.value && (
        <LockDialog sender={row.key} verb={verb} onClose={() => (open.value = false)} onDone={() => {
          open.value = false;
          onDone();
        }} />
      )}
    </>
  );
}
