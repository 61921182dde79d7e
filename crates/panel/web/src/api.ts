// The gateway's API, typed. The one place that speaks HTTP.

export type Role = 'operator' | 'help_desk' | 'reseller' | 'domain_admin' | 'user';
export type Class = 'clean' | 'suspect' | 'spam' | 'malware';
export type Standing = 'new' | 'good' | 'watched' | 'limited' | 'locked';

export interface Session {
  login: string;
  role: Role;
  language: string;
  reads_content: boolean;
  site_name: string;
}

export interface StoryRow {
  id: string;
  at: string | null;
  tenant: string;
  domain: string;
  sender: string;
  client: string;
  listener: string;
  reverse_path: string;
  recipients: string[];
  header_from: string;
  subject: string;
  message_id: string;
  size_octets: number;
  class: string;
  action: string;
  cause: string;
  reason: string;
  score_db: number;
  status: string;
  last_reply: string;
}

export interface StoryView {
  row: StoryRow;
  events: Event[];
  /** The reason of what was stopped, by language. */
  sentences: Partial<Record<string, string>>;
}

export interface SymbolLine {
  name: string;
  weight_db: number;
  /** It weighs in the sender's conduct, not in the score of this message. */
  of_conduct?: boolean;
  detail: string;
}

interface Told {
  id: string;
  at: string;
  tenant: string;
  domain: string;
  sender: string;
}

export type Event = Told &
  (
    | { event: 'connected'; listener: string; kind: string; client: string; via: string | null }
    | { event: 'greeted'; helo: string; esmtp: boolean }
    | { event: 'secured'; version: string; cipher: string }
    | { event: 'logged_in'; login: string; mechanism: string }
    | { event: 'login_failed'; login: string; mechanism: string; reason: string }
    | { event: 'mail'; reverse_path: string; reply: string }
    | { event: 'rcpt'; forward_path: string; reply: string }
    | { event: 'received'; size_octets: number; header_from: string; subject: string; message_id: string }
    | { event: 'gathered'; gatherer: string; outcome: string; took_us: number }
    | {
        event: 'judged';
        stage: string;
        class: string;
        action: string;
        cause: string;
        reason: string;
        score_db: number;
        standing: string;
        symbols: SymbolLine[];
        facts?: unknown;
        verdict?: unknown;
      }
    | { event: 'answered'; reply: string }
    | { event: 'stored'; size_octets: number; recipients: number; pool: string }
    | {
        event: 'attempted';
        site: string;
        host: string;
        address: string | null;
        source: string | null;
        pool: string;
        tls: string | null;
      }
    | {
        event: 'settled';
        forward_path: string;
        outcome: string;
        reply: string;
        attempts: number;
        next_attempt: string | null;
        queued_ms: number;
      }
    | { event: 'noticed'; notice: string; to: string; kind: string }
    | { event: 'handled'; verb: string; by: string; reason: string }
    | { event: 'locked'; locked_sender: string; by: string; reason: string; until: string | null }
    | { event: 'unlocked'; locked_sender: string; by: string; reason: string }
    | { event: 'limit_hit'; limit: string; detail: string }
    | { event: 'closed'; reason: string }
  );

export interface Lock {
  reference: string;
  reason: string;
  by: string;
  at: string;
  until: string | null;
}

export interface SenderLine {
  key: string;
  tenant: string;
  domain: string;
  standing: Standing;
  lock: Lock | null;
  locks: number;
  accepted: number;
  first_accepted: string | null;
  refusals_day: number;
  risky_day: number;
  messages_day: number;
  recipients_day: number;
  may: ('lock' | 'unlock')[];
}

export interface QueueCounts {
  messages: number;
  scheduled: number;
  leased: number;
  held: number;
  octets: number;
  exact: boolean;
}

export interface QueueLine {
  id: string;
  index: number;
  arrived: string;
  expires: string;
  tenant: string;
  sender: string;
  reverse_path: string;
  recipient: string;
  pool: string;
  class: Class;
  size_octets: number;
  state: 'scheduled' | 'sending' | 'held' | 'done';
  due: string | null;
  reason: string;
  attempts: number;
  last_reply: string;
}

export type PauseKind = 'all' | 'tenant' | 'sender' | 'destination' | 'pool';

export interface Pause {
  scope: PauseKind;
  name?: string;
  by: string;
  reason: string;
  at: string;
}

export interface Overview {
  ok: boolean;
  notes: string[];
  classes_day: Partial<Record<Class, number>>;
  queue: QueueCounts;
  senders_locked: number;
  pauses: number;
}

export interface QueueFilter {
  id?: string;
  sender?: string;
  tenant?: string;
  destination?: string;
  pool?: string;
  held?: boolean;
}

/** What a message is, for the content model. */
export type Label = 'spam' | 'ham';

export type Verb = 'retry' | 'hold' | 'release' | 'drop';

/** What the gateway answered instead of what was asked for. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

type Query = Record<string, string | number | boolean | undefined | null>;

function address(path: string, query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

/** Called when a session turns out to be over. */
export const onLoggedOut = { call: () => {} };

async function ask<T>(method: string, path: string, query: Query = {}, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json', 'x-dogana': '1' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    const init: RequestInit = { method, headers, credentials: 'same-origin' };
    if (body !== undefined) init.body = JSON.stringify(body);
    response = await fetch(address(path, query), init);
  } catch {
    throw new Problem(0, 'unreachable', '');
  }
  if (response.status === 204) return undefined as T;
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer as T;
  const { code = 'internal', detail = '' } = (answer ?? {}) as { code?: string; detail?: string };
  if (code === 'not_logged_in') onLoggedOut.call();
  throw new Problem(response.status, code, detail);
}

const segment = encodeURIComponent;

export const api = {
  session: () => ask<Session>('GET', '/v1/session'),
  logIn: (login: string, password: string) => ask<Session>('POST', '/v1/session', {}, { login, password }),
  logOut: () => ask<void>('DELETE', '/v1/session'),
  overview: () => ask<Overview>('GET', '/v1/overview'),
  stories: (query: Query) => ask<{ rows: StoryRow[]; next: string | null }>('GET', '/v1/stories', query),
  story: (id: string) => ask<StoryView>('GET', `/v1/stories/${segment(id)}`),
  senders: (query: Query) => ask<{ rows: SenderLine[]; more: boolean }>('GET', '/v1/senders', query),
  sender: (key: string) => ask<SenderLine>('GET', `/v1/senders/${segment(key)}`),
  lock: (key: string, reason: string, until: string | null) =>
    ask<SenderLine>('POST', `/v1/senders/${segment(key)}/lock`, {}, { reason, until }),
  unlock: (key: string, reason: string) =>
    ask<SenderLine>('POST', `/v1/senders/${segment(key)}/unlock`, {}, { reason }),
  queue: (query: Query) =>
    ask<{ counts: QueueCounts; rows: QueueLine[]; next: string | null }>('GET', '/v1/queue', query),
  queueAct: (verb: Verb, filter: QueueFilter, reason: string, all: boolean) =>
    ask<{ changed: number }>('POST', `/v1/queue/${verb}`, {}, { ...filter, reason, all }),
  learn: (story: string, label: Label) => ask<{ number: number }>('POST', '/v1/model/learn', {}, { story, label }),
  pauses: () => ask<Pause[]>('GET', '/v1/pauses'),
  pause: (scope: PauseKind, name: string | undefined, reason: string) =>
    ask<Pause>('POST', '/v1/pauses', {}, { scope, name, reason }),
  resume: (scope: PauseKind, name: string | undefined) => ask<void>('DELETE', '/v1/pauses', { scope, name }),
  liveAddress: (query: Query) => address('/v1/live', query),
};
