// What somebody chose here: language and theme. Kept in this browser only.
import { effect, signal } from '@preact/signals';
import { LANGUAGES, type Language } from './words/languages';

export type Theme = 'system' | 'light' | 'dark';

function kept(key: string): string | null {
  try {
    return localStorage.getItem(`dogana.${key}`);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`dogana.${key}`, value);
  } catch {
    // It lasts until the page is closed then.
  }
}

function known(tag: string | null | undefined): Language | undefined {
  const short = tag?.slice(0, 2).toLowerCase();
  return LANGUAGES.find((language) => language === short);
}

function firstLanguage(): Language {
  const asked = new URLSearchParams(location.search).get('lang');
  const wanted = [asked, kept('language'), ...navigator.languages];
  return wanted.map(known).find((language) => language !== undefined) ?? 'en';
}

const storedTheme = kept('theme');

export const language = signal<Language>(firstLanguage());
export const theme = signal<Theme>(storedTheme === 'dark' || storedTheme === 'light' ? storedTheme : 'system');

export function chooseLanguage(tag: Language): void {
  language.value = tag;
  keep('language', tag);
}

export function chooseTheme(wanted: Theme): void {
  theme.value = wanted;
  keep('theme', wanted);
}

/** The account's language counts until somebody chooses here. */
export function suggestLanguage(tag: string): void {
  const suggested = known(tag);
  if (suggested && !kept('language')) language.value = suggested;
}

effect(() => {
  document.documentElement.lang = language.value;
});

effect(() => {
  if (theme.value === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme.value;
});
