// What passes now, and what passed before.
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { api, type Class } from '../api';
import { number } from '../format';
import { onPause } from '../keys';
import { Live, type LiveFilter } from '../live';
import { useAsked, useEvery } from '../parts/ask';
import { PauseIcon, PlayIcon, WarnIcon } from '../parts/icons';
import { Empty, Failure } from '../parts/notice';
import { StoryTable } from '../parts/story-table';
import { query, setQuery } from '../router';
import { term, words } from '../words';

const CLASSES: Class[] = ['clean', 'suspect', 'spam', 'malware'];

function filterNow(): LiveFilter {
  const get = (name: string) => query.value.get(name) ?? '';
  return { sender: get('sender'), recipient: get('recipient'), class: get('class') };
}

export function LivePage() {
  const live = useMemo(() => new Live(filterNow()), []);
  const sessions = useSignal(false);
  const key = JSON.stringify(filterNow());
  useEffect(() => {
    onPause.call = () => live.togglePause();
    return () => {
      onPause.call = null;
      live.stop();
    };
  }, []);
  useChanged(key, () => live.change(filterNow()));
  const shown = useComputed(() =>
    live.rows.value.filter((row) => sessions.value || row.story.status !== 'session' || row.story.reverse_path !== ''),
  );
  const w = words.value.live;
  return (
    <>
      <h1 class="sr">{w.title}</h1>
      <Overview />
      <div class="bar-top">
        <Filters />
        <LiveState live={live} />
      </div>
      {live.problem.value && <Failure code={live.problem.value} onRetry={() => live.change(filterNow())} />}
      {shown.value.length > 0 && <StoryTable rows={shown.value} label={w.title} />}
      {shown.value.length === 0 && live.loaded.value && !live.problem.value && <Empty title={w.empty} hint={w.emptyHint} />}
      <footer class="list-foot">
        <label class="check">
          <input type="checkbox" checked={sessions.value} onChange={() => (sessions.value = !sessions.value)} />
          {w.sessions}
        </label>
        {live.next.value && (
          <button type="button" onClick={() => void live.older()}>
            {w.older}
          </button>
        )}
      </footer>
    </>
  );
}

/** Calls when the key changed, not at first. */
function useChanged(key: string, call: () => void): void {
  const last = useMemo(() => ({ key }), []);
  useEffect(() => {
    if (last.key === key) return;
    last.key = key;
    call();
  }, [key]);
}

function LiveState({ live }: { live: Live }) {
  const w = words.value.live;
  const paused = live.paused.value;
  const state = paused ? w.paused : live.connection.value === 'connected' ? w.connected : w.connecting;
  const kind = paused ? 'paused' : live.connection.value;
  return (
    <div class="live-state">
      <span class={`beat ${kind}`} role="status">
        {state}
      </span>
      <button type="button" aria-pressed={paused} onClick={() => live.togglePause()}>
        {paused ? <PlayIcon /> : <PauseIcon />}
        {paused ? w.resume : w.pause}
        {paused && live.waiting.value > 0 && <span class="count">{w.waiting(live.waiting.value)}</span>}
      </button>
    </div>
  );
}

function Filters() {
  const w = words.value.live;
  const now = filterNow();
  const any = now.sender || now.recipient || now.class;
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <TextFilter name="sender" label={w.sender} hint={w.senderHint} value={now.sender} first />
      <TextFilter name="recipient" label={w.recipient} hint={w.recipientHint} value={now.recipient} />
      <fieldset class="segments">
        <legend class="sr">{w.class}</legend>
        {['', ...CLASSES].map((name) => (
          <label key={name}>
            <input type="radio" name="class" checked={now.class === name} onChange={() => setQuery({ class: name })} />
            <span class={name && `dot class-${name}`}>{name ? term(words.value.classes, name) : w.anyClass}</span>
          </label>
        ))}
      </fieldset>
      {any && (
        <button type="button" class="quiet" onClick={() => setQuery({ sender: '', recipient: '', class: '' })}>
          {w.clear}
        </button>
      )}
    </form>
  );
}

interface TextFilterProps {
  name: string;
  label: string;
  hint: string;
  value: string;
  first?: boolean;
}

/** Filters while somebody writes, a moment after the last letter. */
export function TextFilter({ name, label, hint, value, first = false }: TextFilterProps) {
  const timer = useMemo(() => ({ id: 0 }), []);
  const later = (text: string) => {
    clearTimeout(timer.id);
    timer.id = window.setTimeout(() => setQuery({ [name]: text.trim() }), 350);
  };
  return (
    <label class="field">
      <span class="sr">{label}</span>
      <input type="search" value={value} placeholder={hint} autocomplete="off" spellcheck={false} data-filter={first || undefined}
        onInput={(event) => later(event.currentTarget.value)} />
      {first && <kbd aria-hidden="true">/</kbd>}
    </label>
  );
}

function Overview() {
  const asked = useAsked(api.overview, '');
  useEvery(15_000, asked.again);
  const w = words.value;
  const seen = asked.value.value;
  if (!seen) return <div class="overview" aria-hidden="true" />;
  const total = CLASSES.reduce((sum, name) => sum + (seen.classes_day[name] ?? 0), 0);
  return (
    <section class="overview" aria-label={w.live.day}>
      {(!seen.ok || seen.notes.length > 0) && (
        <p class="unhealthy" role="alert">
          <WarnIcon /> {[seen.ok ? '' : w.live.unhealthy, ...seen.notes].filter(Boolean).join(': ')}
        </p>
      )}
      <div class="day">
        <div class="day-bar" aria-hidden="true">
          {CLASSES.map((name) => {
            const part = total ? (seen.classes_day[name] ?? 0) / total : 0;
            return part > 0 && <span key={name} class={`class-${name}`} style={{ flexGrow: Math.max(part, 0.006) }} />;
          })}
        </div>
        <dl class="figures">
          <div class="head">
            <dt>{w.live.day}</dt>
            <dd>{number(total)}</dd>
          </div>
          {CLASSES.map((name) => (
            <div key={name}>
              <dt class={`dot class-${name}`}>{term(w.classes, name)}</dt>
              <dd>{number(seen.classes_day[name] ?? 0)}</dd>
            </div>
          ))}
        </dl>
      </div>
      <dl class="figures links">
        <div>
          <dt>
            <a href="/queue">{w.live.queueNow}</a>
          </dt>
          <dd>{number(seen.queue.messages)}</dd>
        </div>
        {seen.queue.held > 0 && (
          <div>
            <dt>
              <a href="/queue?state=held">{w.queue.onlyHeld}</a>
            </dt>
            <dd>{number(seen.queue.held)}</dd>
          </div>
        )}
        <div>
          <dt>
            <a href="/senders?standing=locked">{w.live.lockedNow}</a>
          </dt>
          <dd>{number(seen.senders_locked)}</dd>
        </div>
        {seen.pauses > 0 && (
          <div>
            <dt>
              <a href="/queue">{w.pauses.title}</a>
            </dt>
            <dd>{number(seen.pauses)}</dd>
          </div>
        )}
      </dl>
    </section>
  );
}
