// Retry, hold, release, drop: for one message, or for all that fit a filter.
import { useSignal } from '@preact/signals';
import { api, type QueueFilter, type Verb } from '../api';
import { session } from '../session';
import { term, words } from '../words';
import { codeOf } from './ask';
import { Dialog } from './dialog';

interface Props {
  filter: QueueFilter;
  isHeld?: boolean;
  /** True when the filter is empty and everything is meant. */
  all?: boolean;
  small?: boolean;
  onDone: () => void;
}

/** What a role may ask for; the gateway decides. */
const VERBS: Record<string, Verb[]> = {
  operator: ['retry', 'release', 'hold', 'drop'],
  reseller: ['retry', 'release', 'hold', 'drop'],
  domain_admin: ['retry', 'release', 'hold', 'drop'],
  user: ['retry', 'hold', 'drop'],
  help_desk: [],
};

export function QueueActions({ filter, isHeld, all = false, small = false, onDone }: Props) {
  const asked = useSignal<Verb | null>(null);
  const done = useSignal<number | null>(null);
  const w = words.value.queue;
  const useless = isHeld === undefined ? [] : isHeld ? ['retry', 'hold'] : ['release'];
  const verbs = (VERBS[session.value?.role ?? ''] ?? []).filter((verb) => !useless.includes(verb));
  if (verbs.length === 0) return null;
  return (
    <div class={small ? 'actions small' : 'actions'}>
      {verbs.map((verb) => (
        <button key={verb} type="button" class={verb === 'drop' ? 'danger' : undefined} onClick={() => (asked.value = verb)}>
          {w.verbs[verb]}
        </button>
      ))}
      <span role="status" class="took">
        {done.value !== null && w.done(done.value)}
      </span>
      {asked.value && (
        <Confirm verb={asked.value} filter={filter} all={all} onClose={() => (asked.value = null)} onDone={(changed) => {
          done.value = changed;
          asked.value = null;
          onDone();
        }} />
      )}
    </div>
  );
}

interface ConfirmProps {
  verb: Verb;
  filter: QueueFilter;
  all: boolean;
  onClose: () => void;
  onDone: (changed: number) => void;
}

function Confirm({ verb, filter, all, onClose, onDone }: ConfirmProps) {
  const w = words.value;
  const problem = useSignal<string | null>(null);
  const busy = useSignal(false);
  const needsReason = verb === 'hold' || verb === 'drop';
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget as HTMLFormElement).get('reason') ?? '');
    busy.value = true;
    try {
      onDone((await api.queueAct(verb, filter, reason, all)).changed);
    } catch (error) {
      problem.value = codeOf(error);
      busy.value = false;
    }
  };
  return (
    <Dialog title={w.queue.verbs[verb]} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p>{w.queue.confirm[verb]}</p>
        <p class="hint">{all ? w.queue.everything : Object.values(filter).map(String).join(' · ')}</p>
        {needsReason && (
          <label class="stacked">
            <span>{w.senders.reason}</span>
            <input name="reason" type="text" required maxLength={200} placeholder={w.senders.reasonHint} autocomplete="off" autofocus />
          </label>
        )}
        {problem.value && <p class="bad">{term(w.errors, problem.value)}</p>}
        <footer>
          <button type="button" class="quiet" onClick={onClose}>
            {w.dialog.cancel}
          </button>
          <button type="submit" class={verb === 'drop' ? 'danger solid' : 'primary'} disabled={busy.value}>
            {w.queue.verbs[verb]}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
