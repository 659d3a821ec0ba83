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

/** A failed notebook's copy, and its kernel as the server lists it. */
export interface IOpened {
  task: string;
  taskRun: string;
  path: string;
  /** The last cell to go on from: the one that failed. */
  cell: number;
  kernelId: string | null;
  kernel: { kernel: string } | null;
}

/** A kernel kept with its variables. */
export interface IParked {
  id: string;
  execution: string;
  task: string;
  taskRun: string;
  flow: string;
  notebook: string;
  until: string;
}

export interface IPage<T> {
  results: T[];
  total: number;
}

export interface IStored {
  name: string;
  modified: string;
  /** The notebook's JSON. */
  content?: unknown;
}

/** What the server answered with: an HTTP status and words for a person. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** What somebody should say yes to. */
    readonly confirm: string[] = []
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

  /** The execution as its display shows it. */
  async view<T>(id: string): Promise<T> {
    const response = await this.own(`executions/${encodeURIComponent(id)}/view`, {});
    return (await response.json()) as T;
  }

  /** A copy of a failed notebook to edit, and its kernel. */
  async open(id: string, task?: string): Promise<IOpened> {
    return (await this.post(`executions/${encodeURIComponent(id)}/open`, { task })) as IOpened;
  }

  /** The parked kernels. */
  async parked(): Promise<IParked[]> {
    const response = await this.own('kernels', {});
    return ((await response.json()) as { parked?: IParked[] }).parked ?? [];
  }

  /** End one of them. */
  async endKernel(id: string): Promise<void> {
    await this.own(`kernels/${encodeURIComponent(id)}`, { method: 'DELETE' });
  }

  /** An executed notebook in the workspace's storage. */
  async stored(path: string, content: boolean): Promise<IStored> {
    const parts = path.split('/').map(encodeURIComponent).join('/');
    const response = await this.own(`files/${parts}${content ? '' : '?content=0'}`, {});
    return (await response.json()) as IStored;
  }

  /** Go on with a failed notebook; a refusal may ask for `confirm`. */
  async goOn(id: string, how: { task?: string; cell?: number; confirm?: boolean }): Promise<void> {
    await this.post(`executions/${encodeURIComponent(id)}/continue`, how);
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

  private async post(path: string, body: object): Promise<unknown> {
    const response = await this.own(path, { method: 'POST', body: JSON.stringify(body) });
    return await response.json();
  }

  private own(path: string, init: RequestInit): Promise<Response> {
    return this.at(URLExt.join('flowbook/api/x', path), init);
  }

  private request(path: string, init: RequestInit): Promise<Response> {
    return this.at(URLExt.join('flowbook/api/v1/main', path), init);
  }

  private async at(path: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, path);
    const response = await ServerConnection.makeRequest(url, init, this.settings);
    if (!response.ok) {
      throw await refusalOf(response);
    }
    return response;
  }
}

interface IRefusal {
  message?: string;
  _embedded?: { errors?: { message: string; path: string }[] };
}

async function refusalOf(response: Response): Promise<Refused> {
  const text = await response.text();
  try {
    const { message, _embedded } = JSON.parse(text) as IRefusal;
    const asked = (_embedded?.errors ?? []).filter(error => error.path === 'confirm').map(error => error.message);
    return new Refused(response.status, message || response.statusText, asked);
  } catch {
    return new Refused(response.status, response.statusText || `HTTP ${response.status}`);
  }
}
