// What is said when there is nothing to show, or something went wrong.
import { term, words } from '../words';

export function Empty({ title, hint }: { title: string; hint?: string }) {
  return (
    <div class="empty">
      <p>{title}</p>
      {hint && <p class="hint">{hint}</p>}
    </div>
  );
}

export function Failure({ code, onRetry }: { code: string; onRetry?: () => void }) {
  const w = words.value;
  return (
    <div class="failure" role="alert">
      <p>{term(w.errors, code)}</p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {w.retry}
        </button>
      )}
    </div>
  );
}
