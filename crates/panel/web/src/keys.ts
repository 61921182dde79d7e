// Keys: j and k between rows, / to the filter, g and a letter to a page, ? for the list of them.
import { signal } from '@preact/signals';
import { go } from './router';

export const helpOpen = signal(false);

/** What p means on the page that is shown. */
export const onPause = { call: null as null | (() => void) };

let goPending = false;

const pages: Record<string, string> = { l: '/', s: '/senders', q: '/queue' };

addEventListener('keydown', (event) => {
  const target = event.target as HTMLElement;
  const choice = target instanceof HTMLInputElement && ['radio', 'checkbox'].includes(target.type);
  const writes = !choice && ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (writes) {
    if (event.key === 'Escape') target.blur();
    return;
  }
  if (goPending) {
    goPending = false;
    const page = pages[event.key];
    if (page) go(page);
    return;
  }
  const act: Record<string, () => void> = {
    j: () => step(1),
    k: () => step(-1),
    '/': () => document.querySelector<HTMLElement>('[data-filter]')?.focus(),
    g: () => {
      goPending = true;
      setTimeout(() => (goPending = false), 1500);
    },
    p: () => onPause.call?.(),
    u: () => history.back(),
    '?': () => (helpOpen.value = true),
  };
  const found = act[event.key];
  if (!found) return;
  event.preventDefault();
  found();
});

function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? rows[0] : rows[Math.min(rows.length - 1, Math.max(0, at + by))];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}
