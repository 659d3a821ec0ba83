/** The one WebSocket: what is new, from a sequence number on. A reconnect resumes there and misses nothing. */
import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';

/** A row of the store, as it is there. */
export type Row = Record<string, unknown>;

/** How far an execution is that runs. */
export interface IProgress {
  execution_id: string;
  /** Task runs that have ended, and how many there will be as far as is known. */
  ended: number;
  expected: number;
  /** What runs: `report, cell 7 of 12`. */
  at: string;
  /** Seconds it is expected to take in all. */
  estimate: number | null;
}

export interface IMessage {
  seq: number;
  rows: { executions?: Row[]; task_runs?: Row[]; cells?: Row[]; progress?: IProgress[] };
}

export interface IConnection {
  open: boolean;
  /** When the connection was lost, and when the next try comes; milliseconds. */
  since?: number;
  next?: number;
}

const LONGEST = 30_000;

export class Stream {
  constructor(
    private settings: ServerConnection.ISettings,
    private subscribe: string | { execution: string }
  ) {}

  get messages(): ISignal<this, IMessage> {
    return this._messages;
  }

  get connection(): ISignal<this, IConnection> {
    return this._connection;
  }

  connect(): void {
    window.clearTimeout(this.timer);
    const { settings } = this;
    let url = URLExt.join(settings.wsUrl, 'flowbook/stream');
    if (settings.appendToken && settings.token) {
      url += `?token=${encodeURIComponent(settings.token)}`;
    }
    const socket = new settings.WebSocket(url);
    this.socket?.close();
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      this.lost = undefined;
      socket.send(JSON.stringify({ subscribe: this.subscribe, since: this.seq }));
      this._connection.emit({ open: true });
    };
    socket.onmessage = event => {
      const message = JSON.parse(event.data as string) as IMessage;
      if (typeof message.seq === 'number') {
        this.seq = message.seq;
        this._messages.emit(message);
      }
    };
    socket.onclose = () => {
      if (socket === this.socket) {
        this.again();
      }
    };
  }

  dispose(): void {
    window.clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    Signal.clearData(this);
  }

  private again(): void {
    this.lost ??= Date.now();
    const wait = Math.min(1000 * 2 ** this.tries++, LONGEST);
    this.timer = window.setTimeout(() => this.connect(), wait);
    this._connection.emit({ open: false, since: this.lost, next: Date.now() + wait });
  }

  private _connection = new Signal<this, IConnection>(this);
  private _messages = new Signal<this, IMessage>(this);
  private lost: number | undefined;
  private seq: number | null = null;
  private socket: WebSocket | null = null;
  private timer = 0;
  private tries = 0;
}
