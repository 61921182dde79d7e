// Where we are. The address bar is the state: every page, filter and story can be linked to.
import { computed, signal } from '@preact/signals';

const at = signal(location.pathname + location.search);

export const path = computed(() => at.value.split('?')[0] ?? '/');
export const query = computed(() => new URLSearchParams(at.value.split('?')[1] ?? ''));

addEventListener('popstate', () => {
  at.value = location.pathname + location.search;
});

export function go(to: string, replace = false): void {
  if (to === at.value) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', to);
  at.value = to;
  if (!replace) scrollTo(0, 0);
}

/** Changes one part of the query and leaves the page where it is. */
export function setQuery(changes: Record<string, string>): void {
  const next = new URLSearchParams(query.value);
  for (const [key, value] of Object.entries(changes)) {
    if (value) next.set(key, value);
    else next.delete(key);
  }
  const text = next.toString();
  go(text ? `${path.value}?${text}` : path.value, true);
}

/** Follows links of our own without loading the page anew. */
addEventListener('click', (event) => {
  const link = (event.target as Element | null)?.closest?.('a');
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || link.target || link.origin !== location.origin || event.defaultPrevented) return;
  event.preventDefault();
  go(link.pathname + link.search);
});

export const storyPath = (id: string) => `/stories/${encodeURIComponent(id)}`;
export const senderPath = (key: string) => `/senders/${encodeURIComponent(key)}`;
