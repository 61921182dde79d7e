// One sender: how it stands, and what it sent.
import { useMemo } from 'preact/hooks';
import { api, type SenderLine } from '../api';
import { rowOf } from '../fold';
import { fromNow, fullTime, number, senderParts } from '../format';
import { useAsked, useEvery } from '../parts/ask';
import { StandingChip } from '../parts/chips';
import { BackIcon, LockIcon } from '../parts/icons';
import { Empty, Failure } from '../parts/notice';
import { StoryTable } from '../parts/story-table';
import { storyPath } from '../router';
import { term, words } from '../words';
import { LockButton } from './senders';

export function SenderPage({ sender }: { sender: string }) {
  const asked = useAsked(() => api.sender(sender), sender);
  const stories = useAsked(() => api.stories({ sender, limit: 100 }), sender);
  useEvery(10_000, () => {
    asked.again();
    stories.again();
  });
  const w = words.value;
  const found = asked.value.value;
  const rows = useMemo(() => (stories.value.value?.rows ?? []).map(rowOf), [stories.value.value]);
  const [kind, name] = senderParts(sender);
  return (
    <article class="sender-page">
      <p class="back">
        <a href="/senders">
          <BackIcon /> {w.senders.title}
        </a>
      </p>
      <header class="story-head">
        <p class="marks">
          {found && <StandingChip name={found.standing} />}
          <span class="took">{term(w.kinds, kind)}</span>
        </p>
        <div class="title-row">
          <h1>
            <bdi>{name}</bdi>
          </h1>
          {found && <LockButton row={found} onDone={asked.again} />}
        </div>
      </header>
      {asked.problem.value === 'missing' && <Empty title={w.senders.missing} />}
      {asked.problem.value && asked.problem.value !== 'missing' && <Failure code={asked.problem.value} onRetry={asked.again} />}
      {found?.lock && <LockNotice row={found} />}
      {found && <Figures row={found} />}
      <h2>{w.senders.messagesOf}</h2>
      {rows.length > 0 ? <StoryTable rows={rows} label={w.senders.messagesOf} /> : <Empty title={w.live.empty} />}
    </article>
  );
}

function LockNotice({ row }: { row: SenderLine }) {
  const w = words.value.senders;
  const lock = row.lock;
  if (!lock) return null;
  const isStory = /^[0-9a-z]{13}$/.test(lock.reference);
  return (
    <section class="lock-notice">
      <LockIcon />
      <div>
        <p>
          <strong>
            <bdi>{lock.reason}</bdi>
          </strong>
        </p>
        <p class="took">
          {w.lockedSince(lock.by)}, {fullTime(lock.at)}
          {lock.until && ` · ${w.lockedUntil} ${fullTime(lock.until)} (${fromNow(lock.until)})`}
          {isStory && (
            <>
              {' · '}
              <a href={storyPath(lock.reference)}>{lock.reference}</a>
            </>
          )}
        </p>
      </div>
    </section>
  );
}

function Figures({ row }: { row: SenderLine }) {
  const w = words.value.senders;
  const figures: [string, string][] = [
    [`${w.messages} ${w.day}`, number(row.messages_day)],
    [`${w.recipients} ${w.day}`, number(row.recipients_day)],
    [`${w.refusals} ${w.day}`, number(row.refusals_day)],
    [w.risky, number(row.risky_day)],
    [w.accepted, number(row.accepted)],
    [w.locks, number(row.locks)],
    [w.since, row.first_accepted ? fullTime(row.first_accepted) : w.never],
    [w.tenant, row.tenant],
    [w.domain, row.domain],
  ];
  return (
    <dl class="tiles">
      {figures
        .filter(([, value]) => value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
