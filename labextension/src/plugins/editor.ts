/** Cells that start with `%%flow` are YAML: highlighted and indented so. */
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import type { ICellModel } from '@jupyterlab/cells';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { NotebookPanel } from '@jupyterlab/notebook';

const FLOW_MIME = 'text/x-flowbook-flow';
const FLOW_CELL = /^%%flow(\s|$)/;

/** Keep one cell's mode right: whenever its text or its mode changes. */
function follow(cell: ICellModel, panel: NotebookPanel): void {
  const look = (): void => {
    const isFlow = FLOW_CELL.test(cell.sharedModel.getSource());
    if (isFlow && cell.mimeType !== FLOW_MIME) {
      cell.mimeType = FLOW_MIME;
    } else if (!isFlow && cell.mimeType === FLOW_MIME) {
      cell.mimeType = panel.content.codeMimetype;
    }
  };
  cell.contentChanged.connect(look);
  // a kernel that gets ready sets the mode of all cells
  cell.mimeTypeChanged.connect(look);
  look();
}

export const editor: JupyterFrontEndPlugin<void> = {
  id: 'flowbook-lab:editor',
  description: 'Shows %%flow cells as YAML.',
  autoStart: true,
  requires: [INotebookTracker, IEditorLanguageRegistry],
  activate: (_: JupyterFrontEnd, notebooks: INotebookTracker, languages: IEditorLanguageRegistry) => {
    languages.addLanguage({
      name: 'flowbook flow',
      displayName: 'Flow',
      mime: FLOW_MIME,
      load: async () => (await import('@codemirror/lang-yaml')).yaml()
    });
    notebooks.widgetAdded.connect((_, panel) => {
      const known = new WeakSet<ICellModel>();
      const all = (): void => {
        for (const cell of panel.content.model?.cells ?? []) {
          if (cell.type === 'code' && !known.has(cell)) {
            known.add(cell);
            follow(cell, panel);
          }
        }
      };
      const listen = (): void => {
        panel.content.model?.cells.changed.connect(all);
        all();
      };
      panel.content.modelChanged.connect(listen);
      listen();
    });
  }
};
