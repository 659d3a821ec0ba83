import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { IParked } from '../../api/client';
import type { ILive } from './ExecutionRow';

export interface IKernelsProps {
  live: ILive;
  /** Whatever it is: when it changes, kernels may have come or gone. */
  moment: string;
  trans: TranslationBundle;
}

/** The kernels that failed notebooks left: open one, or end it. */
export function Kernels({ live, moment, trans }: IKernelsProps): React.JSX.Element | null {
  const [parked, setParked] = React.useState<IParked[]>([]);
  const [ended, setEnded] = React.useState(0);
  React.useEffect(() => {
    let gone = false;
    live.all().then(
      found => !gone && setParked(found),
      () => undefined
    );
    return () => {
      gone = true;
    };
  }, [moment, ended]);
  if (!parked.length) {
    return null;
  }
  const end = (one: IParked): void => {
    live.end(one).then(
      () => setEnded(ended + 1),
      () => undefined
    );
  };
  return (
    <section className="fb-Section" aria-label={trans.__('Live kernels')}>
      <header>
        {trans.__('Live kernels')} <span className="fb-count">{parked.length}</span>
      </header>
      <ul>
        {parked.map(one => (
          <li key={one.id} className="fb-Side-kernel">
            <button className="fb-Item" title={titleOf(one, trans)} onClick={() => live.open(one)}>
              <span className="fb-cut">{`${one.flow} · ${one.task}`}</span>
              <span className="fb-mod-meta fb-push">{trans.__('until %1', until(one))}</span>
            </button>
            <button
              className="fb-Button fb-mod-small fb-mod-plain"
              aria-label={trans.__('End the kernel of %1', one.task)}
              onClick={() => end(one)}
            >
              {trans.__('End')}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function titleOf(one: IParked, trans: TranslationBundle): string {
  return trans.__('Open %1 in its live kernel', one.notebook);
}

function until(one: IParked): string {
  return new Date(one.until).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
}
