// Locking and unlocking a sender, with a reason.
import { useSignal } from '@preact/signals';
import { api, type SenderLine } from '../api';
import { senderParts } from '../format';
import { term, words } from '../words';
import { codeOf } from './ask';
import { Dialog } from './dialog';

interface Props {
  sender: string;
  verb: 'lock' | 'unlock';
  onClose: () => void;
  onDone: (line: SenderLine) => void;
}

const SPANS = { forever: 0, hour: 3_600_000, day: 86_400_000, week: 604_800_000 };

export function LockDialog({ sender, verb, onClose, onDone }: Props) {
  const w = words.value;
  const problem = useSignal<string | null>(null);
  const busy = useSignal(false);
  const who = senderParts(sender)[1];
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const reason = String(form.get('reason'));
    const span = SPANS[(form.get('span') ?? 'forever') as keyof typeof SPANS];
    const until = span ? new Date(Date.now() + span).toISOString() : null;
    busy.value = true;
    try {
      onDone(verb === 'lock' ? await api.lock(sender, reason, until) : await api.unlock(sender, reason));
    } catch (error) {
      problem.value = codeOf(error);
      busy.value = false;
    }
  };
  return (
    <Dialog title={verb === 'lock' ? w.senders.lockTitle(who) : w.senders.unlockTitle(who)} onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <p class="hint">{verb === 'lock' ? w.senders.lockHint : w.senders.unlockHint}</p>
        <label class="stacked">
          <span>{w.senders.reason}</span>
          <input name="reason" type="text" required maxLength={200} placeholder={w.senders.reasonHint} autocomplete="off" autofocus />
        </label>
        {verb === 'lock' && (
          <label class="stacked">
            <span>{w.senders.until}</span>
            <select name="span">
              {(Object.keys(SPANS) as (keyof typeof SPANS)[]).map((span) => (
                <option key={span} value={span}>
                  {w.senders.spans[span]}
                </option>
              ))}
            </select>
          </label>
        )}
        {problem.value && <p class="bad">{term(w.errors, problem.value)}</p>}
        <footer>
          <button type="button" class="quiet" onClick={onClose}>
            {w.dialog.cancel}
          </button>
          <button type="submit" class={verb === 'lock' ? 'danger solid' : 'primary'} disabled={busy.value}>
            {verb === 'lock' ? w.senders.lock : w.senders.unlock}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
