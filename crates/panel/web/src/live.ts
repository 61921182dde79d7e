// The live list: rows from the store, kept up to date by the stream of events.
import { batch, signal } from '@preact/signals';
import { api, Problem, type Event, type StoryRow } from './api';
import { begins, emptyRow, fold, rowOf, type Row } from './fold';

export interface LiveFilter {
  sender: string;
  recipient: string;
  class: string;
}

/** Rows kept in the list. */
const ROWS_MAX = 1000;
/** Events kept while paused. */
const WAITING_MAX = 5000;
/** The list is repainted at most that often. */
const PAINT_MS = 200;

export type Connection = 'connecting' | 'connected';

export class Live {
  readonly rows = signal<Row[]>([]);
  readonly connection = signal<Connection>('connecting');
  readonly paused = signal(false);
  readonly waiting = signal(0);
  readonly problem = signal<string | null>(null);
  readonly next = signal<string | null>(null);
  readonly loaded = signal(false);

  private byId = new Map<string, Row>();
  private source: EventSource | null = null;
  private heard: Event[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;
  private generation = 0;
  private began = 0;

  constructor(private filter: LiveFilter) {
    this.start();
  }

  /** Begins anew with another filter. */
  change(filter: LiveFilter): void {
    this.filter = filter;
    this.start();
  }

  stop(): void {
    this.generation += 1;
    this.source?.close();
    this.source = null;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  togglePause(): void {
    this.paused.value = !this.paused.value;
    if (!this.paused.value) this.paint();
  }

  async older(): Promise<void> {
    const before = this.next.value;
    if (!before) return;
    const generation = this.generation;
    try {
      const page = await api.stories({ ...this.filter, before, limit: 100 });
      if (generation !== this.generation) return;
      this.take(page.rows, page.next);
    } catch (error) {
      this.problem.value = error instanceof Problem ? error.code : 'internal';
    }
  }

  private start(): void {
    this.stop();
    batch(() => {
      this.byId = new Map();
      this.heard = [];
      this.waiting.value = 0;
      this.problem.value = null;
      this.next.value = null;
      this.loaded.value = false;
    });
    this.began = performance.now();
    void this.load();
    this.listen();
  }

  private async load(): Promise<void> {
    const generation = this.generation;
    try {
      const page = await api.stories({ ...this.filter, limit: 100 });
      if (generation !== this.generation) return;
      this.take(page.rows, page.next);
    } catch (error) {
      if (generation === this.generation) this.problem.value = error instanceof Problem ? error.code : 'internal';
    }
    if (generation === this.generation) this.loaded.value = true;
  }

  /** Rows from the store; what was heard meanwhile is newer and stays. */
  private take(stories: StoryRow[], next: string | null): void {
    for (const story of stories) {
      const heard = this.byId.get(story.id);
      if (!heard || (!heard.open && story.status !== 'session')) this.byId.set(story.id, rowOf(story));
    }
    this.next.value = next;
    this.show();
  }

  private listen(): void {
    const generation = this.generation;
    const source = new EventSource(api.liveAddress({ ...this.filter, after: 0 }));
    this.source = source;
    this.connection.value = 'connecting';
    let opened = false;
    source.onopen = () => {
      this.connection.value = 'connected';
      // Coming back after a gap: the list may have gone on.
      if (opened) void this.load();
      opened = true;
    };
    source.onmessage = (message: MessageEvent<string>) => this.hear(JSON.parse(message.data) as Event);
    source.onerror = () => {
      this.connection.value = 'connecting';
      // The browser comes back by itself unless it was told off; then somebody looks whether the session is over.
      if (source.readyState === EventSource.CLOSED) {
        api.session().catch(() => {});
        setTimeout(() => generation === this.generation && this.start(), 3000);
      }
    };
    const again = () => generation === this.generation && this.start();
    source.addEventListener('lagged', again);
    source.addEventListener('over', () => {
      source.close();
      api.session().then(again, () => {});
    });
  }

  private hear(event: Event): void {
    this.heard.push(event);
    if (this.heard.length > WAITING_MAX) this.heard.shift();
    if (this.paused.value) this.waiting.value = new Set(this.heard.map((heard) => heard.id)).size;
    else this.timer ??= setTimeout(() => this.paint(), PAINT_MS);
  }

  private paint(): void {
    this.timer = null;
    if (this.paused.value) return;
    // The backlog comes first; what comes later is news.
    const fresh = performance.now() - this.began > 2000;
    for (const event of this.heard) {
      const row = this.byId.get(event.id) ?? (begins(event) ? emptyRow(event) : null);
      if (row) this.byId.set(event.id, fold(row, event, fresh));
    }
    this.heard = [];
    this.waiting.value = 0;
    this.show();
  }

  /** Ids ascend with time, so they are the order. */
  private show(): void {
    const rows = [...this.byId.values()].sort((a, b) => (a.story.id < b.story.id ? 1 : -1));
    for (const row of rows.splice(ROWS_MAX)) this.byId.delete(row.story.id);
    this.rows.value = rows;
  }
}
