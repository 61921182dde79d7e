// Class, status and standing as words with a colour; the word alone says it all.
import { senderParts } from '../format';
import { senderPath } from '../router';
import { term, words } from '../words';

export function ClassChip({ name }: { name: string }) {
  if (!name) return null;
  return <span class={`chip class-${name}`}>{term(words.value.classes, name)}</span>;
}

const TONES: Record<string, string> = {
  refused: 'bad',
  failed: 'bad',
  expired: 'bad',
  dropped: 'bad',
  deferred: 'warn',
  held: 'warn',
  rescheduled: 'warn',
  partly_delivered: 'warn',
  delivered: 'good',
};

export function Status({ name, fresh = false }: { name: string; fresh?: boolean }) {
  return (
    <span key={name} class={`status ${TONES[name] ?? 'plain'}${fresh ? ' fresh' : ''}`}>
      {term(words.value.statuses, name)}
    </span>
  );
}

export function StandingChip({ name }: { name: string }) {
  return <span class={`chip standing-${name}`}>{term(words.value.standings, name)}</span>;
}

/** A sender's name; its kind is said unless it is a mailbox. */
export function SenderName({ name, link = false }: { name: string; link?: boolean }) {
  const [kind, rest] = senderParts(name);
  const text = (
    <>
      {kind && kind !== 'mailbox' && <span class="kind">{term(words.value.kinds, kind)} </span>}
      {rest}
    </>
  );
  return link && kind ? <a href={senderPath(name)}>{text}</a> : <span>{text}</span>;
}
