import type { TranslationBundle } from '@jupyterlab/translation';
import { UseSignal } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { IExecutionRow } from '../../state/board';
import type { Store } from '../../state/store';
import { isOver } from '../run/states';
import { ago } from './ago';
import { Glyph, StateIcon } from './icons';
import { Notices } from './Notices';
import { ExecutionRow } from './ExecutionRow';
import type { ILive } from './ExecutionRow';
import { Kernels } from './Kernels';

export interface ISidebarProps {
  store: Store;
  trans: TranslationBundle;
  /** The execution to show; set by the command. */
  selected: string | null;
  onSelect: (id: string | null) => void;
  live: ILive;
}

/** Flows by namespace, what runs, and what ran. */
export function Sidebar(props: ISidebarProps): React.JSX.Element {
  return <UseSignal signal={props.store.changed}>{() => <Body {...props} />}</UseSignal>;
}

const RECENT = 30;

function Body({ store, trans, selected, onSelect, live }: ISidebarProps): React.JSX.Element {
  const [flow, setFlow] = React.useState<string | null>(null);
  const { board, status } = store;
  const rows = [...board.executions.values()].sort((a, b) => (b.started ?? 0) - (a.started ?? 0));
  const running = rows.filter(row => !isOver(row.state));
  const over = rows.filter(row => isOver(row.state) && (flow === null || nameOf(row) === flow));
  const now = useClock(running.length > 0 && status.connection.open);
  const shown = (row: IExecutionRow): React.JSX.Element => (
    <ExecutionRow
      key={row.id}
      row={row}
      progress={board.progress.get(row.id)}
      now={now}
      trans={trans}
      selected={row.id === selected}
      live={status.connection.open}
      onSelect={() => onSelect(row.id === selected ? null : row.id)}
      onKill={() => store.client.kill(row.id)}
      onLive={live}
    />
  );
  const heading = flow === null ? trans.__('Executions') : trans.__('Executions of %1', flow);
  const empty = status.loaded && !status.missing && !status.problem && !board.flows.length && !rows.length;
  return (
    <>
      <h2 className="fb-Side-title">flowbook</h2>
      <div className="fb-Side-search">
        <label className="fb-Field">
          <Glyph name="search" />
          <input
            type="search"
            placeholder={trans.__('Search flows and runs')}
            aria-label={trans.__('Search flows and runs')}
            onChange={event => store.search(event.target.value)}
          />
        </label>
      </div>
      <Notices store={store} trans={trans} now={now} />
      {empty && <Empty trans={trans} />}
      {running.length > 0 && (
        <section className="fb-Section" aria-label={trans.__('Running')}>
          <header>
            {trans.__('Running')} <span className="fb-count">{running.length}</span>
          </header>
          <ul>{running.map(shown)}</ul>
        </section>
      )}
      {board.flows.length > 0 && (
        <section className="fb-Section" aria-label={trans.__('Flows')}>
          <header>
            {trans.__('Flows')} <span className="fb-count">{board.flows.length}</span>
          </header>
          <Flows rows={rows} board={board.flows} chosen={flow} onChoose={setFlow} now={now} trans={trans} />
        </section>
      )}
      <Kernels live={live} moment={endsOf(rows)} trans={trans} />
      {(over.length > 0 || flow !== null) && (
        <section className="fb-Section" aria-label={heading}>
          <header>
            {heading}
            {flow !== null && (
              <button className="fb-Link fb-push" onClick={() => setFlow(null)}>
                {trans.__('Show all')}
              </button>
            )}
          </header>
          {over.length === 0 && <p className="fb-Side-none fb-quiet">{trans.__('No execution yet')}</p>}
          <ul>{over.slice(0, RECENT).map(shown)}</ul>
        </section>
      )}
    </>
  );
}

interface IFlowsProps {
  board: Store['board']['flows'];
  rows: IExecutionRow[];
  chosen: string | null;
  onChoose: (flow: string | null) => void;
  now: number;
  trans: TranslationBundle;
}

function Flows({ board, rows, chosen, onChoose, now, trans }: IFlowsProps): React.JSX.Element {
  const spaces = new Map<string, typeof board>();
  for (const flow of board) {
    spaces.set(flow.namespace, [...(spaces.get(flow.namespace) ?? []), flow]);
  }
  return (
    <>
      {[...spaces].sort().map(([namespace, flows]) => (
        <details key={namespace} open>
          <summary className="fb-Item">
            <Glyph name="down" />
            <span className="fb-cut" title={namespace}>
              {namespace}
            </span>
            <span className="fb-mod-meta fb-push">{flows.length}</span>
          </summary>
          <ul>
            {flows.map(flow => {
              const name = `${namespace}.${flow.id}`;
              const last = rows.find(row => nameOf(row) === name);
              return (
                <li key={name}>
                  <button
                    className="fb-Item fb-mod-nested"
                    aria-pressed={chosen === name}
                    title={flow.description || name}
                    onClick={() => onChoose(chosen === name ? null : name)}
                  >
                    {last ? <StateIcon state={last.state} /> : <span className="fb-icon" />}
                    <span className="fb-cut">{flow.id}</span>
                    <span className="fb-mod-meta fb-push">
                      {flow.disabled ? trans.__('disabled') : last ? ago(last.ended ?? last.started, now, trans) : ''}
                    </span>
                  </button>
                </li>
              );
            })}
          </ul>
        </details>
      ))}
    </>
  );
}

function Empty({ trans }: { trans: TranslationBundle }): React.JSX.Element {
  return (
    <div className="fb-Empty">
      <h3>{trans.__('No flows here yet')}</h3>
      <p className="fb-quiet">
        {trans.__(
          'A flow runs notebooks, scripts and SQL in order, and remembers what came of it. ' +
            'It is a YAML file in flows/, or a cell that starts with %1.',
          '%%flow'
        )}
      </p>
      <pre className="fb-Code">{'%load_ext flowbook'}</pre>
      <pre className="fb-Code">
        {'%%flow\nid: hello\ntasks:\n  - id: hi\n    type: core.log.Log\n    message: "Hello"'}
      </pre>
    </div>
  );
}

/** Which executions have failed: theirs are the kernels that are kept. */
/** Another text whenever an execution ends or goes on. */
function endsOf(rows: IExecutionRow[]): string {
  return rows
    .filter(row => isOver(row.state))
    .map(row => `${row.id}${row.ended ?? ''}`)
    .join();
}

function nameOf(row: IExecutionRow): string {
  return `${row.namespace}.${row.flow}`;
}

/** Milliseconds, moving on each second while something runs. */
function useClock(runs: boolean): number {
  const [now, setNow] = React.useState(Date.now());
  React.useEffect(() => {
    setNow(Date.now());
    const timer = window.setInterval(() => setNow(Date.now()), runs ? 1000 : 30_000);
    return () => window.clearInterval(timer);
  }, [runs]);
  return now;
}
