/** The drive `flowbook:`: executed notebooks in the workspace's storage, to be looked at. */
import type { Contents, ServerConnection } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import type { ISignal } from '@lumino/signaling';
import type { Client, IStored } from './client';

export const DRIVE = 'flowbook';

export class ExecutedNotebooks implements Contents.IDrive {
  readonly name = DRIVE;

  constructor(
    private client: Client,
    private refusal: string
  ) {}

  get serverSettings(): ServerConnection.ISettings {
    return this.client.settings;
  }

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this._fileChanged;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    this._isDisposed = true;
    Signal.clearData(this);
  }

  async get(path: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    if (!path.endsWith('.ipynb')) {
      return model({ name: path, modified: '' }, path, 'directory', []);
    }
    const stored = await this.client.stored(path, options?.content !== false);
    return model(stored, path, 'notebook', stored.content ?? null);
  }

  getDownloadUrl(): Promise<string> {
    return this.refused();
  }

  newUntitled(): Promise<Contents.IModel> {
    return this.refused();
  }

  delete(): Promise<void> {
    return this.refused();
  }

  rename(): Promise<Contents.IModel> {
    return this.refused();
  }

  save(): Promise<Contents.IModel> {
    return this.refused();
  }

  copy(): Promise<Contents.IModel> {
    return this.refused();
  }

  createCheckpoint(): Promise<Contents.ICheckpointModel> {
    return this.refused();
  }

  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }

  restoreCheckpoint(): Promise<void> {
    return this.refused();
  }

  deleteCheckpoint(): Promise<void> {
    return this.refused();
  }

  private async refused(): Promise<never> {
    throw new Error(this.refusal);
  }

  private _fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  private _isDisposed = false;
}

function model(stored: IStored, path: string, type: string, content: unknown): Contents.IModel {
  const { name, modified } = stored;
  return {
    name,
    path,
    type,
    writable: false,
    created: modified,
    last_modified: modified,
    mimetype: '',
    format: content === null ? null : 'json',
    content
  };
}
