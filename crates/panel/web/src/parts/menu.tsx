// Account, language, theme, keys: behind one button, or as a row on the login page.
import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { helpOpen } from '../keys';
import { logOut, session } from '../session';
import { chooseLanguage, chooseTheme, language, theme, type Theme } from '../settings';
import { LANGUAGE_NAMES, LANGUAGES, term, words } from '../words';
import { GearIcon } from './icons';

const THEMES: Theme[] = ['system', 'light', 'dark'];

export function Menu() {
  const open = useSignal(false);
  const box = useRef<HTMLDivElement>(null);
  const w = words.value;
  const who = session.value;
  useEffect(() => {
    const close = (event: Event) => {
      const outside = event.type === 'click' && !box.current?.contains(event.target as Node);
      const escaped = event instanceof KeyboardEvent && event.key === 'Escape';
      if (outside || escaped) open.value = false;
    };
    addEventListener('click', close);
    addEventListener('keydown', close);
    return () => {
      removeEventListener('click', close);
      removeEventListener('keydown', close);
    };
  }, []);
  return (
    <div class="menu" ref={box}>
      <button type="button" class="quiet" aria-expanded={open.value} aria-controls="menu" aria-label={w.settings.account}
        onClick={() => (open.value = !open.value)}>
        <span class="menu-who">{who?.login}</span>
        <GearIcon />
      </button>
      {open.value && (
        <div id="menu" class="menu-box">
          <p class="menu-login">
            <strong>{who?.login}</strong>
            <span>{who && term(w.roles, who.role)}</span>
          </p>
          <LanguageChoice />
          <ThemeChoice />
          <div class="menu-row">
            <button type="button" class="quiet keys-button" onClick={() => {
              open.value = false;
              helpOpen.value = true;
            }}>
              {w.settings.keys} <kbd>?</kbd>
            </button>
            <button type="button" onClick={() => void logOut()}>
              {w.login.out}
            </button>
          </div>
        </div>
      )}
    </div>
  );
}

export function LanguageChoice() {
  return (
    <fieldset class="segments">
      <legend>{words.value.settings.language}</legend>
      {LANGUAGES.map((tag) => (
        <label key={tag}>
          <input type="radio" name="language" checked={language.value === tag} onChange={() => chooseLanguage(tag)} />
          <span lang={tag}>{LANGUAGE_NAMES[tag]}</span>
        </label>
      ))}
    </fieldset>
  );
}

export function ThemeChoice() {
  const w = words.value.settings;
  return (
    <fieldset class="segments">
      <legend>{w.theme}</legend>
      {THEMES.map((wanted) => (
        <label key={wanted}>
          <input type="radio" name="theme" checked={theme.value === wanted} onChange={() => chooseTheme(wanted)} />
          <span>{w.themes[wanted]}</span>
        </label>
      ))}
    </fieldset>
  );
}
