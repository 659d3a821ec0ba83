/** What the sidebar shows: rows as they came, the newest kept. */
import type { IExecution, IFlow } from '../api/client';
import type { IProgress, Row } from '../api/stream';

export interface IExecutionRow {
  id: string;
  namespace: string;
  flow: string;
  state: string;
  /** Milliseconds. */
  started?: number;
  ended?: number;
}

export interface IBoard {
  seq: number;
  executions: ReadonlyMap<string, IExecutionRow>;
  /** By execution; of those that have run since the view was opened. */
  progress: ReadonlyMap<string, IProgress>;
  flows: readonly IFlow[];
}

export const EMPTY: IBoard = { seq: -1, executions: new Map(), progress: new Map(), flows: [] };

function time(value: unknown): number | undefined {
  if (typeof value === 'number') {
    return value * 1000;
  }
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** A row of the store's table. */
export function fromRow(row: Row): IExecutionRow {
  return {
    id: String(row.id),
    namespace: String(row.namespace ?? ''),
    flow: String(row.flow_id ?? ''),
    state: String(row.state ?? 'created').toLowerCase(),
    started: time(row.started_at ?? row.created_at),
    ended: time(row.ended_at)
  };
}

/** An execution of the REST API. */
export function fromRest(execution: IExecution): IExecutionRow {
  return {
    id: execution.id,
    namespace: execution.namespace,
    flow: execution.flowId,
    state: execution.state.current.toLowerCase(),
    started: time(execution.state.startDate),
    ended: time(execution.state.endDate)
  };
}
