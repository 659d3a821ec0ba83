/** The same display as an anywidget, for front ends without our extension. Kill is a message to the kernel. */
import { RunDisplay } from './display';
import { graph } from './graph';
import { symbols } from './icons';
import type { IRun } from './types';

interface IModel {
  get(name: 'run'): IRun | null;
  on(event: 'change:run', callback: () => void): void;
  off(event: 'change:run', callback: () => void): void;
  send(content: unknown): void;
}

function render({ model, el }: { model: IModel; el: HTMLElement }): () => void {
  const display = new RunDisplay({
    kill: async id => {
      model.send({ kill: id });
    }
  });
  const update = (): void => {
    const run = model.get('run');
    if (run && run.id) {
      display.update(run);
    }
  };
  el.classList.add('fb-Widget');
  el.append(display.node);
  model.on('change:run', update);
  update();
  return () => {
    model.off('change:run', update);
    display.dispose();
  };
}

export { graph, symbols };
export default { render };
