/** The sidebar: flows and executions, live. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette, ReactWidget } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import { LabIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import { Client } from '../api/client';
import { Store } from '../state/store';
import { COMMANDS } from '../tokens';
import { GLYPHS } from '../views/run/icons';
import type { ILive } from '../views/sidebar/ExecutionRow';
import { Sidebar } from '../views/sidebar/Sidebar';

const flowIcon = new LabIcon({
  name: 'flowbook:flow',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16"><g class="jp-icon3" fill="none" ' +
    `stroke="#616161" stroke-width="1.25">${GLYPHS.flow}</g></svg>`
});

class SidebarWidget extends ReactWidget {
  constructor(
    private store: Store,
    private trans: TranslationBundle,
    private live: ILive
  ) {
    super();
    this.id = 'flowbook-sidebar';
    this.title.icon = flowIcon;
    this.title.caption = 'flowbook';
    this.addClass('fb');
    this.addClass('fb-Side');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'flowbook');
  }

  /** Show one execution. */
  select(id: string | null): void {
    this.selected = id;
    this.update();
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.store.start();
  }

  protected render(): React.JSX.Element {
    return React.createElement(Sidebar, {
      store: this.store,
      trans: this.trans,
      selected: this.selected,
      onSelect: id => this.select(id),
      live: this.live
    });
  }

  private selected: string | null = null;
}

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: 'flowbook-lab:sidebar',
  description: 'Lists flows and executions.',
  autoStart: true,
  optional: [ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('flowbook');
    const client = new Client(app.serviceManager.serverSettings);
    const live: ILive = {
      all: () => client.parked(),
      parked: async id => (await client.parked()).filter(one => one.execution === id),
      end: one => client.endKernel(one.id),
      open: ({ execution, taskRun }) => void app.commands.execute(COMMANDS.openLive, { execution, task: taskRun }),
      goOn: ({ execution, taskRun }) => void app.commands.execute(COMMANDS.goOn, { execution, task: taskRun })
    };
    const widget = new SidebarWidget(new Store(client), trans, live);
    app.shell.add(widget, 'left', { rank: 350 });
    restorer?.add(widget, widget.id);
    app.commands.addCommand(COMMANDS.reveal, {
      label: trans.__('Show flows and executions'),
      icon: flowIcon,
      execute: args => {
        app.shell.activateById(widget.id);
        if (typeof args.id === 'string') {
          widget.select(args.id);
        }
      }
    });
    palette?.addItem({ command: COMMANDS.reveal, category: 'flowbook' });
  }
};
