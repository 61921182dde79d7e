// Says of a message that is still here whether it is spam; the content model learns from it.
import { useSignal } from '@preact/signals';
import { api, type Label } from '../api';
import { session } from '../session';
import { term, words } from '../words';
import { codeOf } from './ask';

export function Teach({ id, onDone }: { id: string; onDone: () => void }) {
  const said = useSignal('');
  const busy = useSignal(false);
  const w = words.value;
  if (session.value?.role !== 'operator') return null;
  const teach = (label: Label) => {
    busy.value = true;
    api
      .learn(id, label)
      .then(() => (said.value = w.content.learned))
      .catch((error: unknown) => {
        const code = codeOf(error);
        said.value = code === 'invalid' ? w.content.refused : term(w.errors, code);
      })
      .finally(() => {
        busy.value = false;
        onDone();
      });
  };
  return (
    <div class="actions teach">
      <span>{w.content.teach}</span>
      <button type="button" disabled={busy.value} onClick={() => teach('spam')}>
        {w.content.spam}
      </button>
      <button type="button" disabled={busy.value} onClick={() => teach('ham')}>
        {w.content.ham}
      </button>
      <span role="status" class="took">
        {said.value}
      </span>
    </div>
  );
}
