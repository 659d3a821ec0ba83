import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import type { Store } from '../../state/store';

export interface INoticesProps {
  store: Store;
  trans: TranslationBundle;
  now: number;
}

const MEND = 'jupyter server extension enable flowbook';

/** What is wrong with the view, not with a run: one line at its top. */
export function Notices({ store, trans }: INoticesProps): React.JSX.Element | null {
  const { missing, problem, connection, loaded } = store.status;
  if (missing) {
    return (
      <div className="fb-Notice fb-mod-stack" role="status">
        <span>{trans.__("flowbook's server part isn't running.")}</span>
        <code>{MEND}</code>
        <span className="fb-Buttons">
          <button className="fb-Button fb-mod-small" onClick={() => void navigator.clipboard.writeText(MEND)}>
            {trans.__('Copy')}
          </button>
          <button className="fb-Button fb-mod-small" onClick={() => void store.retry()}>
            {trans.__('Try again')}
          </button>
        </span>
      </div>
    );
  }
  if (problem) {
    return (
      <div className="fb-Notice" role="status">
        <span>{problem}</span>
        <button className="fb-Link fb-push" onClick={() => void store.retry()}>
          {trans.__('Try again')}
        </button>
      </div>
    );
  }
  if (!connection.open && connection.since !== undefined) {
    const at = new Date(connection.since).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    return (
      <div className="fb-Notice" role="status">
        <span>{trans.__('Not connected since %1.', at)}</span>
        <button className="fb-Link fb-push" onClick={() => store.reconnect()}>
          {trans.__('Try now')}
        </button>
      </div>
    );
  }
  return loaded ? null : <p className="fb-Side-none fb-quiet fb-mod-late">{trans.__('Loading…')}</p>;
}
