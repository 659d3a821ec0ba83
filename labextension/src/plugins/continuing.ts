/** Fix the failed cell and go on: a failed notebook opened on its live kernel, and continued. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, Notification, showDialog, showErrorMessage, ToolbarButton } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { TranslationBundle } from '@jupyterlab/translation';
import { runIcon } from '@jupyterlab/ui-components';
import { Client, Refused } from '../api/client';
import type { IOpened } from '../api/client';
import { COMMANDS } from '../tokens';

/** What `metadata.flowbook` of an executed copy says. */
interface IExecuted {
  execution: string;
  taskRun: string;
}

export const continuing: JupyterFrontEndPlugin<void> = {
  id: 'flowbook-lab:continuing',
  description: 'Opens failed notebooks on their live kernels and goes on with them.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const trans = (translator ?? nullTranslator).load('flowbook');
    const client = new Client(app.serviceManager.serverSettings);

    app.commands.addCommand(COMMANDS.openLive, {
      label: trans.__('Open in Live Kernel'),
      caption: trans.__('Open the failed notebook with every variable of its run'),
      isEnabled: args => typeof args.execution === 'string' || executedOf(tracker.currentWidget) !== null,
      execute: async args => {
        const { execution, taskRun } = meant(args, tracker);
        try {
          const opened = await client.open(execution, taskRun);
          await show(app, opened, trans);
        } catch (error) {
          await showErrorMessage(trans.__('The notebook was not opened'), wordsOf(error));
        }
      }
    });

    app.commands.addCommand(COMMANDS.goOn, {
      label: args =>
        typeof args.cell === 'number'
          ? trans.__('Continue from cell %1', args.cell)
          : trans.__('Continue from the Failed Cell'),
      caption: trans.__('Run the rest of the failed notebook in its live kernel, then the rest of the flow'),
      isEnabled: args => typeof args.execution === 'string' || executedOf(tracker.currentWidget) !== null,
      execute: async args => {
        const { execution, taskRun } = meant(args, tracker);
        const cell = typeof args.cell === 'number' ? args.cell : undefined;
        try {
          await saveCopies(tracker, execution);
          return await goOn(client, { execution, taskRun, cell }, trans);
        } catch (error) {
          await showErrorMessage(trans.__('It was not continued'), wordsOf(error));
          return false;
        }
      }
    });

    for (const command of [COMMANDS.openLive, COMMANDS.goOn]) {
      palette?.addItem({ command, category: 'flowbook' });
    }

    tracker.widgetAdded.connect((_, panel) => {
      void panel.context.ready.then(() => {
        if (executedOf(panel)) {
          panel.toolbar.insertBefore('spacer', 'flowbook-continue', continueButton(app, panel, trans));
        }
      });
    });
  }
};

/** The execution and task run of the arguments, else of the executed copy in front. */
function meant(args: { execution?: unknown; task?: unknown }, tracker: INotebookTracker): Partial<IExecuted> & { execution: string } {
  if (typeof args.execution === 'string') {
    return { execution: args.execution, taskRun: typeof args.task === 'string' ? args.task : undefined };
  }
  const executed = executedOf(tracker.currentWidget);
  if (!executed) {
    throw new Error('no executed notebook is in front');
  }
  return executed;
}

function executedOf(panel: NotebookPanel | null): IExecuted | null {
  const said = panel?.content.model?.getMetadata('flowbook') as Partial<IExecuted> | undefined;
  return said?.execution && said.taskRun ? { execution: said.execution, taskRun: said.taskRun } : null;
}

function continueButton(app: JupyterFrontEnd, panel: NotebookPanel, trans: TranslationBundle): ToolbarButton {
  return new ToolbarButton({
    className: 'fb-ContinueButton',
    icon: runIcon,
    label: trans.__('Continue flow'),
    tooltip: trans.__('Run the rest of this notebook from the failed cell, then the rest of the flow'),
    onClick: () => {
      const executed = executedOf(panel);
      void app.commands.execute(COMMANDS.goOn, { execution: executed?.execution, task: executed?.taskRun });
    }
  });
}

/** Open a copy with the kernel that the server lists for it, at the cell that failed. */
async function show(app: JupyterFrontEnd, opened: IOpened, trans: TranslationBundle): Promise<void> {
  const { kernels } = app.serviceManager;
  const kernel = opened.kernelId ? { id: opened.kernelId, name: opened.kernel?.kernel ?? '' } : undefined;
  if (kernel) {
    await kernels.refreshRunning();
  }
  const panel = (await app.commands.execute('docmanager:open', {
    path: opened.path,
    factory: 'Notebook',
    ...(kernel ? { kernel } : {})
  })) as NotebookPanel;
  await panel.context.ready;
  await panel.sessionContext.ready;
  if (kernel && panel.sessionContext.session?.kernel?.id !== kernel.id) {
    await panel.sessionContext.changeKernel({ id: kernel.id });
  }
  if (!kernel) {
    Notification.warning(trans.__('The live kernel is gone: when you continue, the cells before are run again.'));
  }
  select(panel, opened.cell);
}

/** Make a cell the active one, by its number in the source. */
function select(panel: NotebookPanel, number: number): void {
  let seen = 0;
  panel.content.widgets.some((cell, index) => {
    const tags = (cell.model.getMetadata('tags') as string[] | undefined) ?? [];
    if (cell.model.type === 'code' && !tags.includes('injected-parameters')) {
      seen += 1;
    }
    if (seen === number) {
      panel.content.activeCellIndex = index;
      void panel.content.scrollToItem(index, 'center');
    }
    return seen === number;
  });
}

/** What was edited but not saved is meant too. */
async function saveCopies(tracker: INotebookTracker, execution: string): Promise<void> {
  const unsaved: Promise<void>[] = [];
  tracker.forEach(panel => {
    if (panel.context.model.dirty && executedOf(panel)?.execution === execution) {
      unsaved.push(panel.context.save());
    }
  });
  await Promise.all(unsaved);
}

/** Continue, and ask first where `errors` or `finally` tasks have run; whether it goes on. */
async function goOn(
  client: Client,
  wanted: { execution: string; taskRun?: string; cell?: number },
  trans: TranslationBundle
): Promise<boolean> {
  const { execution, taskRun, cell } = wanted;
  try {
    await client.goOn(execution, { task: taskRun, cell });
  } catch (error) {
    const again = error instanceof Refused && error.status === 409 ? error.confirm : [];
    if (!again.length) {
      throw error;
    }
    const answer = await showDialog({
      title: trans.__('Continue?'),
      body: trans.__('These tasks have run already. They are removed and may run again: %1', again.join(', ')),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: trans.__('Continue') })]
    });
    if (!answer.button.accept) {
      return false;
    }
    await client.goOn(execution, { task: taskRun, cell, confirm: true });
  }
  Notification.success(trans.__('The flow goes on.'), { autoClose: 3000 });
  return true;
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
