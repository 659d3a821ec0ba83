/** The contract with Python: what `RunView.to_json` in `flowbook/views/run.py` writes. Times are seconds. */

export const MIME = 'application/vnd.flowbook.run+json';

export interface INode {
  id: string;
  key: string;
  kind: 'task' | 'group' | 'loop' | 'hole';
  type?: string;
  word?: string;
  state?: string;
  run?: string;
  started?: number;
  ended?: number;
  estimate?: number;
  meta?: string[];
  cells?: string;
  count?: string;
  marks?: string;
  titles?: string[];
  perField?: number;
  summary?: string;
  layout?: string;
  children?: INode[];
  edges?: [string, string][];
  lanes?: ILane[];
  tails?: ILane[];
}

export interface ILane {
  name: string;
  children: INode[];
  taken?: boolean;
}

export interface IGraph {
  children: INode[];
  layout?: string;
  edges?: [string, string][];
  tails?: ILane[];
}

export interface INow {
  title: string;
  code?: string;
  since?: number;
}

export interface IFailure {
  title: string;
  note?: string;
  where?: string;
  type?: string;
  message?: string;
  traceback?: string;
  run?: string;
  path?: string;
  cell?: number;
  lines?: [number, string, boolean][];
}

export interface IPreview {
  title: string;
  note?: string;
  total?: number;
  image?: string;
  text?: string;
  path?: string;
  columns?: string[];
  rows?: string[][];
  numeric?: boolean[];
}

export interface ILink {
  label: string;
  kind: 'file' | 'notebook';
  note?: string;
  path?: string;
}

export interface IRun {
  version: number;
  id: string;
  namespace: string;
  flow: string;
  revision?: number;
  state: string;
  now: number;
  started?: number;
  ended?: number;
  estimate?: number;
  facts: string;
  counts: Record<string, number>;
  /** Running task runs that are no flowables. */
  busy?: number;
  expected: number;
  graph: IGraph;
  at?: INow;
  failure?: IFailure;
  previews?: IPreview[];
  links?: ILink[];
  variable?: string;
  host?: string;
}
