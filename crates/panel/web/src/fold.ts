// How events become a row of the list. The gateway's store does the same; here it happens as they come.
import type { Event, StoryRow } from './api';

/** A row with what is needed to fold further events into it. */
export interface Row {
  story: StoryRow;
  /** Outcome by recipient, as far as it was heard here. */
  outcomes: Record<string, string>;
  /** Recipients it was stored for; 0 while that is not known here. */
  stored: number;
  /** True while its session is open. */
  open: boolean;
  /** Counts changes, so that a change can be shown. */
  changes: number;
}

const RECIPIENTS_MAX = 20;

export function rowOf(story: StoryRow): Row {
  return { story, outcomes: {}, stored: 0, open: false, changes: 0 };
}

export function emptyRow(event: Event): Row {
  const story: StoryRow = {
    id: event.id,
    at: event.at,
    tenant: '',
    domain: '',
    sender: '',
    client: '',
    listener: '',
    reverse_path: '',
    recipients: [],
    header_from: '',
    subject: '',
    message_id: '',
    size_octets: 0,
    class: '',
    action: '',
    cause: '',
    reason: '',
    score_db: 0,
    status: 'session',
    last_reply: '',
  };
  return { story, outcomes: {}, stored: 0, open: true, changes: 0 };
}

/** Events that begin something worth a row; others of unknown stories are of mail that left the list long ago. */
export function begins(event: Event): boolean {
  return ['connected', 'mail', 'received', 'judged', 'stored'].includes(event.event);
}

/** `fresh` is false for what happened before somebody looked. */
export function fold(row: Row, event: Event, fresh: boolean): Row {
  const story = { ...row.story };
  const next: Row = { ...row, story, changes: row.changes + (fresh ? 1 : 0) };
  story.tenant = event.tenant || story.tenant;
  story.domain = event.domain || story.domain;
  story.sender = event.sender || story.sender;
  switch (event.event) {
    case 'connected':
      story.listener = event.listener;
      story.client = event.client;
      break;
    case 'mail':
      story.reverse_path = event.reverse_path;
      answered(story, event.reply);
      break;
    case 'rcpt':
      addRecipient(story, event.forward_path);
      answered(story, event.reply);
      break;
    case 'received':
      story.size_octets = event.size_octets;
      story.header_from = event.header_from;
      story.subject = event.subject;
      story.message_id = event.message_id;
      break;
    case 'judged':
      story.class = event.class;
      story.action = event.action;
      story.cause = event.cause;
      story.reason = event.reason;
      story.score_db = event.score_db;
      judged(story, event.action);
      break;
    case 'answered':
      answered(story, event.reply);
      break;
    case 'stored':
      next.stored = event.recipients;
      if (story.status !== 'held') story.status = 'queued';
      break;
    case 'settled':
      next.outcomes = { ...row.outcomes, [event.forward_path]: event.outcome };
      addRecipient(story, event.forward_path);
      story.last_reply = event.reply;
      story.status = settled(next, story.status);
      break;
    case 'handled':
      if (event.verb === 'hold') story.status = 'held';
      if (event.verb === 'release') story.status = 'queued';
      break;
    case 'closed':
      next.open = false;
      break;
    default:
      break;
  }
  return next;
}

function addRecipient(story: StoryRow, address: string): void {
  if (story.recipients.includes(address) || story.recipients.length >= RECIPIENTS_MAX) return;
  story.recipients = [...story.recipients, address];
}

function judged(story: StoryRow, action: string): void {
  const status: Record<string, string> = { refuse: 'refused', defer: 'deferred', hold: 'held' };
  story.status = status[action] ?? story.status;
}

function answered(story: StoryRow, reply: string): void {
  story.last_reply = reply;
  if (story.status !== 'session') return;
  if (reply.startsWith('5')) story.status = 'refused';
  if (reply.startsWith('4')) story.status = 'deferred';
}

function settled(row: Row, before: string): string {
  const outcomes = Object.values(row.outcomes);
  const delivered = outcomes.filter((outcome) => outcome === 'delivered').length;
  const over = outcomes.filter((outcome) => outcome !== 'rescheduled').length;
  // As the store has it: until every recipient has its end, the message is in the queue.
  if (over < (row.stored || row.story.recipients.length)) return before;
  if (delivered === over) return 'delivered';
  return delivered > 0 ? 'partly_delivered' : 'failed';
}
