// The words of the pages. English is the form; the others must have every word of it (the compiler checks).
import { computed } from '@preact/signals';
import { language } from '../settings';
import { en } from './en';
import { it } from './it';
import type { Language } from './languages';
import { ru } from './ru';

export { LANGUAGES, LANGUAGE_NAMES, type Language } from './languages';
export type Words = typeof en;

const all: Record<Language, Words> = { en, it, ru };

/** The words in the language chosen now. */
export const words = computed(() => all[language.value]);

/** A word from a table of the gateway's terms; terms that are not known are shown as they are. */
export function term(table: Record<string, string>, key: string): string {
  return table[key] ?? key.replaceAll('_', ' ');
}
