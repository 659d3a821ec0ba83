/** The routes of the server extension that the panel and the display call. */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

export interface IState {
  current: string;
  startDate?: string;
  endDate?: string;
  duration?: string | number;
}

export interface IExecution {
  id: string;
  namespace: string;
  flowId: string;
  flowRevision?: number;
  state: IState;
}

export interface IFlow {
  id: string;
  namespace: string;
  revision?: number;
  description?: string;
  disabled?: boolean;
  triggers?: { id: string; type: string; disabled?: boolean }[];
}

export interface IPage<T> {
  results: T[];
  total: number;
}

/** What the server answered with: an HTTP status and words for a person. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string
  ) {
    super(message);
  }
}

export class Client {
  constructor(readonly settings: ServerConnection.ISettings) {}

  flows(q: string, size = 100): Promise<IPage<IFlow>> {
    return this.ask('flows/search', { q, page: '1', size: String(size) });
  }

  executions(q: string, size = 50): Promise<IPage<IExecution>> {
    return this.ask('executions/search', { q, page: '1', size: String(size), sort: 'state.startDate:desc' });
  }

  execution(id: string): Promise<IExecution> {
    return this.ask(`executions/${encodeURIComponent(id)}`);
  }

  async kill(id: string): Promise<void> {
    await this.request(`executions/${encodeURIComponent(id)}/kill`, { method: 'DELETE' });
  }

  /** Whether the server extension is there. */
  async isThere(): Promise<boolean> {
    const url = URLExt.join(this.settings.baseUrl, 'flowbook/ping');
    try {
      return (await ServerConnection.makeRequest(url, {}, this.settings)).ok;
    } catch {
      return false;
    }
  }

  private async ask<T>(path: string, query: Record<string, string> = {}): Promise<T> {
    const text = new URLSearchParams(query).toString();
    const response = await this.request(text ? `${path}?${text}` : path, {});
    return (await response.json()) as T;
  }

  private async request(path: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, 'flowbook/api/v1/main', path);
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    if (!response.ok) {
      throw new Refused(response.status, await messageOf(response));
    }
    return response;
  }
}

async function messageOf(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { message } = JSON.parse(text) as { message?: string };
    return message || response.statusText;
  } catch {
    return response.statusText || `HTTP ${response.status}`;
  }
}
