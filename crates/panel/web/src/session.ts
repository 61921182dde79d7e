// Who is logged in here.
import { signal } from '@preact/signals';
import { api, onLoggedOut, Problem, type Session } from './api';
import { suggestLanguage } from './settings';

/** Undefined while it is not known yet, null when nobody is. */
export const session = signal<Session | null | undefined>(undefined);
/** A session ended while the page was open. */
export const wasOver = signal(false);
export const unreachable = signal(false);

onLoggedOut.call = () => {
  if (session.value) wasOver.value = true;
  session.value = null;
};

export async function findSession(): Promise<void> {
  unreachable.value = false;
  try {
    begin(await api.session());
  } catch (error) {
    if (error instanceof Problem && error.code !== 'not_logged_in') unreachable.value = true;
  }
}

export async function logIn(login: string, password: string): Promise<void> {
  begin(await api.logIn(login, password));
  wasOver.value = false;
}

export async function logOut(): Promise<void> {
  await api.logOut().catch(() => {});
  session.value = null;
}

function begin(found: Session): void {
  session.value = found;
  suggestLanguage(found.language);
}
