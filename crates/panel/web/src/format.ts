// Numbers, times and sizes as people of the chosen language write them.
import { language } from './settings';

export function clock(at: string | null): string {
  if (!at) return '';
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const time: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  const form: Intl.DateTimeFormatOptions = today
    ? { ...time, second: '2-digit' }
    : { ...time, day: 'numeric', month: 'short' };
  return new Intl.DateTimeFormat(language.value, form).format(date);
}

export function fullTime(at: string | null): string {
  if (!at) return '';
  return new Intl.DateTimeFormat(language.value, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(at));
}

/** Time between two moments of one story: 0.213 s, 4 min 2 s, 3 h 5 min. */
export function since(start: string, at: string): string {
  const milliseconds = Math.max(0, Date.parse(at) - Date.parse(start));
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `+${number(seconds, 3)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `+${minutes} min ${Math.floor(seconds % 60)} s`;
  return `+${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Where a moment lies from now: in 5 min, 3 h ago. */
export function fromNow(at: string): string {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  const form = new Intl.RelativeTimeFormat(language.value, { style: 'short', numeric: 'always' });
  const size = Math.abs(seconds);
  if (size < 90) return form.format(Math.round(seconds), 'second');
  if (size < 5400) return form.format(Math.round(seconds / 60), 'minute');
  if (size < 172800) return form.format(Math.round(seconds / 3600), 'hour');
  return form.format(Math.round(seconds / 86400), 'day');
}

export function number(value: number, digits = 0): string {
  return new Intl.NumberFormat(language.value, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

export function size(octets: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = octets;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${number(value, unit === 0 || value >= 100 ? 0 : 1)} ${units[unit]}`;
}

/** A weight with its sign, in decibans. */
export function decibans(value: number): string {
  const text = number(Math.abs(value), 1);
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** Log odds in decibans as a probability in percent. */
export function probability(score: number): string {
  const p = 1 / (1 + 10 ** (-score / 10));
  const digits = p > 0.999 || p < 0.001 ? 3 : p > 0.99 || p < 0.01 ? 2 : 0;
  const shown = Math.min(99.999, Math.max(0.001, p * 100));
  return `${number(shown, digits)} %`;
}

/** The kind and the name of a sender's key. */
export function senderParts(key: string): [string, string] {
  const at = key.indexOf(':');
  return at < 0 ? ['', key] : [key.slice(0, at), key.slice(at + 1)];
}
