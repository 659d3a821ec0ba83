/** The MIME renderer of a run: `application/vnd.flowbook.run+json`. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { Client, Refused } from '../api/client';
import { COMMANDS } from '../tokens';
import { RunDisplay } from '../views/run/display';
import type { IDisplayOptions } from '../views/run/display';
import { MIME } from '../views/run/types';
import type { IRun } from '../views/run/types';

/** Below the widget view's -10, so that where both are there ours is drawn. */
const RANK = -20;

class RenderedRun extends Widget implements IRenderMime.IRenderer {
  constructor(options: IDisplayOptions) {
    super();
    this.addClass('fb-RenderedRun');
    this.display = new RunDisplay(options);
    this.node.append(this.display.node);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.display.update(model.data[MIME] as unknown as IRun);
  }

  dispose(): void {
    this.display.dispose();
    super.dispose();
  }

  private display: RunDisplay;
}

export const run: JupyterFrontEndPlugin<void> = {
  id: 'flowbook-lab:run',
  description: 'Draws the run of a flow under its cell.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, registry: IRenderMimeRegistry, translator: ITranslator | null) => {
    const say = (translator ?? nullTranslator).load('flowbook');
    const client = new Client(app.serviceManager.serverSettings);
    const options: IDisplayOptions = {
      say,
      kill: async id => {
        try {
          await client.kill(id);
        } catch (error) {
          if (error instanceof Refused && error.status === 404 && !(await client.isThere())) {
            return say.__("flowbook's server part isn't running: interrupt the kernel instead");
          }
          throw error;
        }
      },
      check: async id => {
        try {
          return (await client.execution(id)).state.current.toLowerCase();
        } catch (error) {
          if (error instanceof Refused && error.status === 404 && (await client.isThere())) {
            return undefined;
          }
          throw error;
        }
      },
      openLive: (execution, task) => void app.commands.execute(COMMANDS.openLive, { execution, task }),
      goOn: (execution, task, cell) => app.commands.execute(COMMANDS.goOn, { execution, task, cell }),
      look: id => client.view<IRun>(id),
      open: path => void app.commands.execute('docmanager:open', { path }),
      reveal: id => void app.commands.execute(COMMANDS.reveal, { id })
    };
    registry.addFactory(
      { safe: true, mimeTypes: [MIME], createRenderer: () => new RenderedRun(options) },
      RANK
    );
  }
};
