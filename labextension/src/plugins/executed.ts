/** Executed notebooks in the workspace's storage open read-only, without a kernel. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Client } from '../api/client';
import { DRIVE, ExecutedNotebooks } from '../api/drive';

/** Make the cell that failed the active one. */
function atFailure(panel: NotebookPanel): void {
  const failed = panel.content.widgets.findIndex(cell => {
    const said = cell.model.getMetadata('papermill') as { exception?: boolean } | undefined;
    return said?.exception === true;
  });
  if (failed >= 0) {
    panel.content.activeCellIndex = failed;
    void panel.content.scrollToItem(failed, 'center');
  }
}

export const executed: JupyterFrontEndPlugin<void> = {
  id: 'flowbook-lab:executed',
  description: 'Opens executed notebooks.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ITranslator],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('flowbook');
    const { contents, serverSettings } = app.serviceManager;
    const refusal = trans.__('An executed notebook stays as it is: save a copy of it elsewhere');
    contents.addDrive(new ExecutedNotebooks(new Client(serverSettings), refusal));
    tracker.widgetAdded.connect((_, panel) => {
      if (panel.context.path.startsWith(`${DRIVE}:`)) {
        const { sessionContext } = panel;
        sessionContext.kernelPreference = { ...sessionContext.kernelPreference, shouldStart: false, autoStartDefault: false };
        void panel.context.ready.then(() => atFailure(panel));
      }
    });
  }
};
