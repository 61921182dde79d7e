// Asking the gateway for what a page shows.
import { useSignal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Problem } from '../api';

export interface Asked<T> {
  value: Signal<T | null>;
  problem: Signal<string | null>;
  loading: Signal<boolean>;
  again: () => void;
}

/** Asks once for each change of `key`; an answer that comes late, after the next question, is dropped. */
export function useAsked<T>(question: () => Promise<T>, key: string): Asked<T> {
  const value = useSignal<T | null>(null);
  const problem = useSignal<string | null>(null);
  const loading = useSignal(true);
  const turn = useSignal(0);
  const count = turn.value;
  useEffect(() => {
    let wanted = true;
    loading.value = true;
    question()
      .then((answer) => {
        if (!wanted) return;
        value.value = answer;
        problem.value = null;
      })
      .catch((error: unknown) => {
        if (wanted) problem.value = codeOf(error);
      })
      .finally(() => {
        if (wanted) loading.value = false;
      });
    return () => {
      wanted = false;
    };
  }, [key, count]);
  return { value, problem, loading, again: () => (turn.value += 1) };
}

export function codeOf(error: unknown): string {
  return error instanceof Problem ? error.code : 'internal';
}

/** Calls while the page is looked at. */
export function useEvery(milliseconds: number, call: () => void): void {
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && call(), milliseconds);
    return () => clearInterval(timer);
  }, []);
}
