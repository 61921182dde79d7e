// The list of messages: on the live page, and on a sender's.
import { Component } from 'preact';
import type { Row } from '../fold';
import { clock, fullTime, senderParts } from '../format';
import { go, storyPath } from '../router';
import { term, words } from '../words';
import { ClassChip, SenderName, Status } from './chips';

export function StoryTable({ rows, label }: { rows: Row[]; label: string }) {
  const w = words.value.live;
  return (
    <table class="stories" aria-label={label}>
      <thead>
        <tr>
          <th scope="col" class="at">{w.time}</th>
          <th scope="col" class="class">{w.class}</th>
          <th scope="col" class="state">{w.state}</th>
          <th scope="col" class="who">{w.from}</th>
          <th scope="col" class="whom">{w.to}</th>
          <th scope="col" class="what">{w.subject}</th>
          <th scope="col" class="why">{w.reason}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <StoryLine key={row.story.id} row={row} language={words.value} />
        ))}
      </tbody>
    </table>
  );
}

/** Painted anew only when its row or the language changed: a busy list has hundreds. */
class StoryLine extends Component<{ row: Row; language: unknown }> {
  override shouldComponentUpdate(next: { row: Row; language: unknown }): boolean {
    return next.row !== this.props.row || next.language !== this.props.language;
  }

  override render() {
    const { story, open, changes } = this.props.row;
    const w = words.value;
    const from = story.sender || story.reverse_path || story.client;
    const [first = '', ...others] = story.recipients;
    const why = story.reason || (story.status === 'failed' || story.status === 'deferred' ? story.last_reply : '');
    const status = open && story.status === 'session' ? 'open' : story.status;
    return (
      <tr class={`story class-${story.class || 'none'}`} onClick={(event) => follow(event, story.id)}>
        <td class="at">
          <a data-row href={storyPath(story.id)} title={fullTime(story.at)}>
            <time dateTime={story.at ?? ''}>{clock(story.at)}</time>
          </a>
        </td>
        <td class="class">
          <ClassChip name={story.class} />
        </td>
        <td class="state">
          <Status name={status} fresh={changes > 0} />
        </td>
        <td class="who" title={senderParts(from)[1]}>
          <SenderName name={from} />
        </td>
        <td class="whom" title={story.recipients.join('\n')}>
          {first && <span class="arrow" aria-hidden="true">→ </span>}
          <span>{first}</span>
          {others.length > 0 && <span class="more"> {w.live.more(others.length)}</span>}
        </td>
        <td class="what" title={story.subject}>
          <bdi>{story.subject}</bdi>
        </td>
        <td class="why" title={why}>
          {story.cause && <b>{term(w.causes, story.cause)} </b>}
          <bdi>{why}</bdi>
        </td>
      </tr>
    );
  }
}

/** The whole row is a target for the pointer; the link in it is one for everybody else. */
function follow(event: MouseEvent, id: string): void {
  const marked = getSelection()?.toString();
  if (marked || (event.target as Element).closest('a') || event.defaultPrevented) return;
  go(storyPath(id));
}
