// What is paused, and pausing more.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { api, type Pause, type PauseKind } from '../api';
import { fullTime } from '../format';
import { session } from '../session';
import { term, words } from '../words';
import { codeOf, useAsked } from './ask';
import { Dialog } from './dialog';
import { PauseIcon } from './icons';

const KINDS: Record<string, PauseKind[]> = {
  operator: ['destination', 'tenant', 'sender', 'pool', 'all'],
  reseller: ['sender', 'tenant'],
};

/** The head of the queue's page: its title, figures, and what is paused. */
export function Pauses({ title, children }: { title: string; children: ComponentChildren }) {
  const asked = useAsked(api.pauses, '');
  const adding = useSignal(false);
  const w = words.value.pauses;
  const kinds = KINDS[session.value?.role ?? ''] ?? [];
  const pauses = asked.value.value ?? [];
  const resume = async (pause: Pause) => {
    await api.resume(pause.scope, pause.name).catch(() => {});
    asked.again();
  };
  return (
    <>
      <div class="page-head">
        <h1 class="page-title">{title}</h1>
        {kinds.length > 0 && (
          <button type="button" onClick={() => (adding.value = true)}>
            <PauseIcon /> {w.add}
          </button>
        )}
      </div>
      {children}
      {pauses.length > 0 && (
        <section class="pauses" aria-label={w.title}>
          <ul>
            {pauses.map((pause) => (
              <li key={pause.scope + (pause.name ?? '')}>
                <PauseIcon />
                <span>
                  <strong>
                    {term(w.scopes, pause.scope)} {pause.name}
                  </strong>{' '}
                  <bdi>{pause.reason}</bdi>{' '}
                  <span class="took">
                    {w.by(pause.by)}, {fullTime(pause.at)}
                  </span>
                </span>
                {kinds.includes(pause.scope) && (
                  <button type="button" onClick={() => void resume(pause)}>
                    {w.resume}
                  </button>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
      {adding.value && (
        <AddPause kinds={kinds} onClose={() => (adding.value = false)} onDone={() => {
          adding.value = false;
          asked.again();
        }} />
      )}
    </>
  );
}

interface AddProps {
  kinds: PauseKind[];
  onClose: () => void;
  onDone: () => void;
}

function AddPause({ kinds, onClose, onDone }: AddProps) {
  const w = words.value;
  const kind = useSignal<PauseKind>(kinds[0] ?? 'sender');
  const problem = useSignal<string | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const name = kind.value === 'all' ? undefined : String(form.get('name'));
    try {
      await api.pause(kind.value, name, String(form.get('reason')));
      onDone();
    } catch (error) {
      problem.value = codeOf(error);
    }
  };
  return (
    <Dialog title={w.pauses.add} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <label class="stacked">
          <span>{w.pauses.what}</span>
          <select value={kind.value} onChange={(event) => (kind.value = event.currentTarget.value as PauseKind)}>
            {kinds.map((name) => (
              <option key={name} value={name}>
                {term(w.pauses.scopes, name)}
              </option>
            ))}
          </select>
        </label>
        {kind.value !== 'all' && (
          <label class="stacked">
            <span>{w.pauses.name}</span>
            <input name="name" type="text" required maxLength={330} autocomplete="off" spellcheck={false}
              placeholder={{ sender: 'mailbox:info@example.com', destination: 'example.net', pool: 'bulk', tenant: 'acme' }[kind.value]} />
          </label>
        )}
        <label class="stacked">
          <span>{w.senders.reason}</span>
          <input name="reason" type="text" required maxLength={200} placeholder={w.senders.reasonHint} autocomplete="off" />
        </label>
        {problem.value && <p class="bad">{term(w.errors, problem.value)}</p>}
        <footer>
          <button type="button" class="quiet" onClick={onClose}>
            {w.dialog.cancel}
          </button>
          <button type="submit" class="danger solid">
            {w.pauses.pause}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
