// Logging in.
import { useSignal } from '@preact/signals';
import { codeOf } from '../parts/ask';
import { Mark } from '../parts/icons';
import { LanguageChoice, ThemeChoice } from '../parts/menu';
import { logIn, wasOver } from '../session';
import { term, words } from '../words';

export function LoginPage() {
  const w = words.value;
  const busy = useSignal(false);
  const problem = useSignal<string | null>(null);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    problem.value = null;
    try {
      await logIn(String(form.get('login')), String(form.get('password')));
    } catch (error) {
      problem.value = codeOf(error);
    }
    busy.value = false;
  };
  const message = problem.value ? term(w.errors, problem.value) : wasOver.value ? w.login.over : null;
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <h1>
          <Mark /> Dogana
        </h1>
        <label>
          <span>{w.login.login}</span>
          <input name="login" type="text" inputMode="email" autocomplete="username" autocapitalize="none" spellcheck={false} required
            autofocus />
        </label>
        <label>
          <span>{w.login.password}</span>
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <p class={problem.value ? 'login-message bad' : 'login-message'} role="status">
          {message ?? w.login.hint}
        </p>
        <button type="submit" class="primary" disabled={busy.value}>
          {busy.value ? w.login.busy : w.login.submit}
        </button>
      </form>
      <div class="login-settings">
        <LanguageChoice />
        <ThemeChoice />
      </div>
    </main>
  );
}
