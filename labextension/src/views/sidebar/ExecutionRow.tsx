import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { IParked } from '../../api/client';
import type { IProgress } from '../../api/stream';
import type { IExecutionRow } from '../../state/board';
import { isOver } from '../run/states';
import { clock, count, left } from '../run/words';
import { ago } from './ago';
import { StateIcon } from './icons';

export interface IExecutionRowProps {
  row: IExecutionRow;
  progress?: IProgress;
  now: number;
  trans: TranslationBundle;
  selected: boolean;
  /** False while disconnected: clocks stop, actions are off. */
  live: boolean;
  onSelect: () => void;
  onKill: () => Promise<void>;
  /** What can be done about a notebook that failed. */
  onLive: ILive;
}

/** Failed notebooks whose kernels are parked. */
export interface ILive {
  all: () => Promise<IParked[]>;
  /** Those of an execution. */
  parked: (execution: string) => Promise<IParked[]>;
  open: (parked: IParked) => void;
  goOn: (parked: IParked) => void;
  end: (parked: IParked) => Promise<void>;
}

/** One execution; selected, it says more and can be killed. */
export function ExecutionRow(props: IExecutionRowProps): React.JSX.Element {
  const { row, progress, now, trans, selected, onSelect } = props;
  const over = isOver(row.state);
  const item = React.useRef<HTMLLIElement>(null);
  React.useEffect(() => {
    if (selected) {
      item.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [selected]);
  const passed = row.started === undefined ? undefined : (((over ? row.ended : undefined) ?? now) - row.started) / 1000;
  const elapsed = passed === undefined ? '' : clock(passed);
  const fact = over ? ago(row.ended ?? row.started, now, trans) : elapsed;
  return (
    <li ref={item}>
      <button className="fb-Item" aria-expanded={selected} title={`${row.namespace}.${row.flow}`} onClick={onSelect}>
        <StateIcon state={row.state} />
        <span className="fb-cut">{row.flow}</span>
        <span className="fb-mod-meta fb-push">{fact}</span>
      </button>
      {!over && progress && <Standing progress={progress} passed={passed ?? 0} trans={trans} />}
      {selected && <Detail {...props} elapsed={elapsed} over={over} />}
    </li>
  );
}

/** How far it is: a bar, what runs, and how long it will still take. */
function Standing(props: { progress: IProgress; passed: number; trans: TranslationBundle }): React.JSX.Element {
  const { progress, passed, trans } = props;
  const facts = trans.__('%1 of %2', count(progress.ended), count(progress.expected));
  const share = (100 * progress.ended) / Math.max(progress.expected, 1);
  return (
    <div className="fb-Side-standing">
      <div className="fb-Progress" aria-hidden="true">
        <i data-state="running" style={{ width: `${share}%` }} />
      </div>
      <div className="fb-quiet fb-small">
        <span className="fb-cut">{[facts, progress.at].filter(Boolean).join(' · ')}</span>
        <span className="fb-push">{left(progress.estimate ?? undefined, passed)}</span>
      </div>
    </div>
  );
}

/** Each parked kernel of a failed execution: open it, or go on in it. */
function Live({ row, trans, onLive }: IExecutionRowProps): React.JSX.Element {
  const [parked, setParked] = React.useState<IParked[]>([]);
  React.useEffect(() => {
    let gone = false;
    onLive.parked(row.id).then(
      found => !gone && setParked(found),
      () => undefined
    );
    return () => {
      gone = true;
    };
  }, [row.id, row.state]);
  return (
    <>
      {parked.map(one => (
        <div className="fb-Buttons" key={one.id}>
          <span className="fb-small fb-cut">{one.task}</span>
          <button className="fb-Button fb-mod-small" onClick={() => onLive.open(one)}>
            {trans.__('Open in live kernel')}
          </button>
          <button className="fb-Button fb-mod-small fb-mod-plain" onClick={() => onLive.goOn(one)}>
            {trans.__('Continue')}
          </button>
        </div>
      ))}
    </>
  );
}

function Detail(props: IExecutionRowProps & { over: boolean; elapsed: string }): React.JSX.Element {
  const { row, trans, live, over, elapsed, onKill } = props;
  const [step, setStep] = React.useState<'rest' | 'asked' | 'sent'>('rest');
  const [problem, setProblem] = React.useState('');
  const kill = (): void => {
    setStep('sent');
    setProblem('');
    onKill().catch((error: Error) => {
      setProblem(error.message);
      setStep('rest');
    });
  };
  const started = row.started === undefined ? '' : when(row.started);
  return (
    <div className="fb-Side-detail">
      <dl>
        <dt>{trans.__('State')}</dt>
        <dd>{row.state}</dd>
        <dt>{trans.__('Namespace')}</dt>
        <dd>{row.namespace}</dd>
        <dt>{trans.__('Started')}</dt>
        <dd>{started}</dd>
        <dt>{trans.__('Took')}</dt>
        <dd>{elapsed}</dd>
        <dt>{trans.__('Id')}</dt>
        <dd>
          <code>{row.id}</code>
        </dd>
      </dl>
      {row.state === 'failed' && <Live {...props} />}
      {!over && (
        <div className="fb-Buttons" aria-live="polite">
          {step === 'rest' && (
            <button
              className="fb-Button fb-mod-small"
              disabled={!live}
              title={live ? undefined : trans.__('Not connected')}
              onClick={() => setStep('asked')}
            >
              {trans.__('Kill')}
            </button>
          )}
          {step === 'asked' && (
            <>
              <span className="fb-small">{trans.__('Kill this execution?')}</span>
              <button className="fb-Button fb-mod-small" onClick={kill}>
                {trans.__('Kill')}
              </button>
              <button autoFocus className="fb-Button fb-mod-small fb-mod-plain" onClick={() => setStep('rest')}>
                {trans.__('Keep')}
              </button>
            </>
          )}
          {step === 'sent' && <span className="fb-small fb-quiet">{trans.__('Killing…')}</span>}
          {problem && <span className="fb-small">{problem}</span>}
        </div>
      )}
    </div>
  );
}

/** The time; with its day unless that is today. */
function when(at: number): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString([], { hourCycle: 'h23' });
  const today = date.toDateString() === new Date().toDateString();
  return today ? time : `${date.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
}
