/** The board and the one signal that says it changed. */
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import { Refused } from '../api/client';
import type { Client } from '../api/client';
import { Stream } from '../api/stream';
import type { IConnection, IMessage } from '../api/stream';
import { EMPTY, fromRest } from './board';
import type { IBoard } from './board';
import { reduce } from './reduce';

export interface IStatus {
  /** False until the first answer. */
  loaded: boolean;
  /** The server extension answers nothing. */
  missing: boolean;
  connection: IConnection;
  /** What went wrong with the view itself. */
  problem: string;
}

export class Store {
  board: IBoard = EMPTY;
  status: IStatus = { loaded: false, missing: false, connection: { open: true }, problem: '' };

  constructor(readonly client: Client) {
    this.stream = new Stream(client.settings, 'executions');
    this.stream.messages.connect((_, message) => this.take(message));
    this.stream.connection.connect((_, connection) => void this.connected(connection));
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Ask for everything, then follow; called when the view is first shown. */
  async start(): Promise<void> {
    if (!this.started) {
      this.started = true;
      if (await this.load()) {
        this.stream.connect();
      }
    }
  }

  async retry(): Promise<void> {
    this.started = false;
    await this.start();
  }

  /** Try the connection now instead of waiting. */
  reconnect(): void {
    this.stream.connect();
  }

  /** Flows and executions as the server has them now. */
  async load(): Promise<boolean> {
    try {
      const [flows, executions] = await Promise.all([this.client.flows(this.q), this.client.executions(this.q)]);
      const rows = new Map(executions.results.map(execution => [execution.id, fromRest(execution)]));
      this.board = { ...this.board, flows: flows.results, executions: rows };
      this.tell({ loaded: true, missing: false, problem: '' });
      return true;
    } catch (error) {
      const missing = error instanceof Refused && error.status === 404 && !(await this.client.isThere());
      const problem = missing ? '' : error instanceof Error ? error.message : String(error);
      this.tell({ loaded: true, missing, problem });
      return false;
    }
  }

  /** Show only what matches. */
  search(q: string): void {
    this.q = q;
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.load(), 200);
  }

  private take(message: IMessage): void {
    this.waiting.push(message);
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const before = this.board;
      this.board = reduce(before, this.waiting);
      this.waiting = [];
      const known = new Set(before.flows.map(flow => `${flow.namespace}.${flow.id}`));
      const rows = [...this.board.executions.values()];
      if (rows.some(row => !known.has(`${row.namespace}.${row.flow}`) && !before.executions.has(row.id))) {
        this.search(this.q);
      }
      this._changed.emit();
    });
  }

  private async connected(connection: IConnection): Promise<void> {
    const again = connection.open && !this.status.connection.open;
    this.tell({ connection });
    if (again) {
      await this.load();
    }
  }

  private tell(news: Partial<IStatus>): void {
    this.status = { ...this.status, ...news };
    this._changed.emit();
  }

  private _changed = new Signal<this, void>(this);
  private frame = 0;
  private q = '';
  private started = false;
  private stream: Stream;
  private timer = 0;
  private waiting: IMessage[] = [];
}
