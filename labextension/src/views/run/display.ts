/** A run under its cell: head, progress, graph, foot, and what its state adds. JupyterLab and anywidget share it. */
import { failureBlock, outputBlocks } from './below';
import type { ILive, Open } from './below';
import { button, drawn, h } from './dom';
import { glyph, icon } from './icons';
import { KillButton } from './kill';
import type { Kill } from './kill';
import { Picture } from './picture';
import { ENGLISH } from './say';
import type { ISay } from './say';
import { icon as iconOf, isOver, segments, sentence } from './states';
import type { IFailure, INode, IRun } from './types';
import { clock, left } from './words';

export interface IDisplayOptions {
  say?: ISay;
  /** Without it there is no Kill. */
  kill?: Kill;
  /** Opens a path below Jupyter's root. */
  open?: Open;
  /** Opens a failed notebook, of an execution and a task run, on its live kernel. */
  openLive?: (id: string, task: string) => void;
  /** Goes on with it at a cell; whether it does. */
  goOn?: (id: string, task: string, cell: number) => Promise<boolean>;
  /** The execution as it is now. */
  look?: (id: string) => Promise<IRun>;
  /** Shows the execution in the panel. */
  reveal?: (id: string) => void;
  /** The state in the history; undefined when it isn't there. Asked when a saved run claims to be running. */
  check?: (id: string) => Promise<string | undefined>;
}

/** Milliseconds between two looks at an execution that was continued. */
const LOOK = 250;
/** A run that says it runs but was looked at this long ago is a saved one. */
const STALE = 60;

export class RunDisplay {
  readonly node = h('section', { class: 'fb fb-Run' });

  constructor(private options: IDisplayOptions = {}) {
    this.say = options.say ?? ENGLISH;
  }

  /** Show the run as it is now. */
  update(run: IRun): void {
    const first = this.run === null;
    const age = Date.now() / 1000 - run.now;
    this.run = run;
    this.stale = first && !isOver(run.state) && age > STALE;
    // the kernel's clock may differ from the browser's
    this.skew = this.stale ? -age : run.now - Date.now() / 1000;
    if (first) {
      this.build(run);
    }
    if (this.stale && this.options.check) {
      void this.options.check(run.id).then(
        state => this.settle(state),
        () => undefined
      );
    }
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  dispose(): void {
    cancelAnimationFrame(this.frame);
    window.clearInterval(this.timer);
    this.picture?.dispose();
  }

  private build(run: IRun): void {
    this.node.setAttribute('aria-label', this.say.__('Run of %1', titleOf(run)));
    this.picture = new Picture(run.flow);
    this.picture.onSelect = node => {
      this.selected = node;
      this.foot();
    };
    if (this.options.kill) {
      this.kill = new KillButton(this.say, this.options.kill);
    }
    this.node.replaceChildren(this.headNode, this.bar, this.picture.node, this.footNode, this.belowNode);
  }

  /** A saved run that claims to be running: what the history says about it. */
  private settle(state: string | undefined): void {
    if (!this.run) {
      return;
    }
    if (state === undefined) {
      this.remark = this.say.__('No longer in the history');
    } else if (isOver(state)) {
      this.remark = this.say.__('Saved while it ran; it ended %1', state);
    } else {
      this.stale = false;
      this.skew = 0;
    }
    this.draw();
  }

  private get now(): number {
    const { run } = this;
    return this.stale && run ? run.now : Date.now() / 1000 + this.skew;
  }

  private draw(): void {
    const { run } = this;
    this.frame = 0;
    if (!run || !this.picture) {
      return;
    }
    this.head();
    this.progress(run);
    this.picture.draw(run.graph, this.now);
    this.foot();
    this.below(run);
    const ticks = !isOver(run.state) && !this.stale;
    if (ticks && !this.timer) {
      this.timer = window.setInterval(() => this.tick(), 1000);
    } else if (!ticks) {
      window.clearInterval(this.timer);
      this.timer = 0;
    }
  }

  private tick(): void {
    if (!this.node.isConnected || document.hidden) {
      return;
    }
    this.clock();
    this.picture?.tick(this.now);
    this.foot();
  }

  private head(): void {
    const { run, say } = this;
    if (!run) {
      return;
    }
    const kill = isOver(run.state) || this.stale || run.state === 'killing' ? null : this.kill;
    kill?.update(run.id, run.busy ?? 0);
    this.clock();
    // a question that is being answered must not lose its focus to a redraw
    const key = JSON.stringify([run.state, run.facts, run.revision, this.stale]);
    if (key === this.headKey) {
      return; // before anything is built: Kill's one node must stay where it is
    }
    this.headKey = key;
    const focused = this.headNode.contains(document.activeElement) ? document.activeElement : null;
    const state = h(
      'span',
      { class: 'fb-State fb-mod-strong', 'data-state': run.state, 'aria-live': 'polite' },
      drawn(icon(iconOf(run.state))),
      say.__(sentence(run.state))
    );
    const revision = run.revision === undefined ? '' : say.__('revision %1', run.revision);
    const buttons = h('span', { class: 'fb-Buttons' });
    if (kill) {
      buttons.append(kill.node);
    }
    const { reveal } = this.options;
    if (reveal) {
      buttons.append(
        button(say.__('Open in panel'), 'small', () => reveal(run.id), drawn(glyph('open')))
      );
    }
    const parts = [
      state,
      h(
        'span',
        { class: 'fb-Run-title fb-cut', title: titleOf(run) },
        run.namespace && h('span', {}, `${run.namespace}.`),
        run.flow
      ),
      h(
        'span',
        { class: 'fb-Run-facts fb-quiet fb-small fb-cut', title: run.facts },
        [revision, run.facts].filter(Boolean).join(' · ')
      ),
      this.clockNode,
      buttons
    ];
    this.headNode.replaceChildren(...parts);
    if (focused instanceof HTMLElement && focused.isConnected) {
      focused.focus();
    }
  }

  private clock(): void {
    const { run, say } = this;
    if (!run || run.started === undefined) {
      return;
    }
    const elapsed = (run.ended ?? this.now) - run.started;
    const about = isOver(run.state) ? '' : left(run.estimate, elapsed);
    let after = about ? say.__('elapsed · about %1', about) : say.__('elapsed');
    if (this.remark) {
      after = this.remark;
    } else if (this.stale) {
      after = say.__('when it was saved');
    } else if (run.ended !== undefined) {
      const at = new Date(run.ended * 1000);
      after = say.__('· ended %1', at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }));
      this.clockNode.title = at.toLocaleString();
    }
    this.clockNode.replaceChildren(h('b', {}, clock(elapsed)), ` ${after}`);
  }

  private progress(run: IRun): void {
    const done = Object.entries(run.counts).reduce((sum, [state, n]) => sum + (isOver(state) ? n : 0), 0);
    const seen = Object.values(run.counts).reduce((sum, n) => sum + n, 0);
    const total = run.state === 'success' ? seen : Math.max(run.expected, seen);
    const shares = segments(run.counts, total);
    this.bar.setAttribute('aria-valuenow', String(done));
    this.bar.setAttribute('aria-valuemax', String(Math.max(total, 1)));
    this.bar.setAttribute('aria-label', this.say.__('%1 of %2 task runs have ended', done, total));
    shares.forEach(([state, share], index) => {
      const piece = (this.bar.children[index] as HTMLElement) ?? this.bar.appendChild(h('i'));
      piece.dataset.state = state;
      piece.style.width = `${share}%`;
    });
    while (this.bar.children.length > shares.length) {
      this.bar.lastElementChild!.remove();
    }
  }

  /** What runs now; or the task that was clicked. */
  private foot(): void {
    const { run, selected } = this;
    if (!run) {
      return;
    }
    const now = this.now;
    let pieces: HTMLElement[] = [];
    if (selected) {
      const node = find(run, selected.key) ?? selected;
      const word = this.say.__(node.state ? sentence(node.state) : 'Not reached');
      pieces = [
        h('span', {}, h('b', {}, node.id), node.titles?.length ? '' : ` ${node.type ?? ''}`),
        h('span', { class: 'fb-cut' }, [word, ...(node.meta ?? []), node.summary].filter(Boolean).join(' · ')),
        h('span', { class: 'fb-push' }, node.started === undefined ? '' : clock((node.ended ?? now) - node.started))
      ];
    } else if (run.at) {
      const { title, code, since } = run.at;
      pieces = [
        h('span', {}, title),
        h('code', { class: 'fb-cut', title: code ?? '' }, code ?? ''),
        h('span', { class: 'fb-push' }, since === undefined ? '' : clock(now - since))
      ];
    }
    this.footNode.hidden = !pieces.length && isOver(run.state);
    this.footNode.replaceChildren(...pieces);
  }

  private below(run: IRun): void {
    const key = JSON.stringify([run.failure, run.previews, run.links, run.variable]);
    if (key === this.belowKey) {
      return;
    }
    this.belowKey = key;
    const { open } = this.options;
    this.belowNode.replaceChildren(
      ...(run.failure ? [failureBlock(run.failure, this.say, open, this.live(run))] : []),
      ...outputBlocks(run, this.say, open)
    );
  }

  /** What can be done about the notebook that failed, where there is a server to do it. */
  private live(run: IRun): ILive | undefined {
    const { openLive, goOn } = this.options;
    if (!openLive || !goOn || run.state !== 'failed') {
      return undefined;
    }
    const tell = async (failure: IFailure): Promise<void> => {
      if (await goOn(run.id, failure.run!, failure.cell!)) {
        await this.follow(run.id);
      }
    };
    return {
      open: failure => openLive(run.id, failure.run!),
      goOn: failure => void tell(failure)
    };
  }

  /** Show an execution that goes on, to its end: the cell it belongs to has ended long ago. */
  private async follow(id: string): Promise<void> {
    const { look } = this.options;
    let begun = false; // at first it may still have its old end
    for (let looks = 0; look && this.node.isConnected; looks++) {
      const run = await look(id);
      begun ||= !isOver(run.state) || looks > 40;
      this.update({ ...run, variable: this.run?.variable });
      if (begun && isOver(run.state)) {
        return;
      }
      await new Promise(resolve => window.setTimeout(resolve, LOOK));
    }
  }

  private bar = h('div', { class: 'fb-Progress', role: 'progressbar', 'aria-valuemin': '0' });
  private belowKey = '';
  private belowNode = h('div', { class: 'fb-Run-below' });
  private clockNode = h('span', { class: 'fb-push fb-quiet fb-small fb-Run-clock' });
  private footNode = h('footer', { class: 'fb-Run-now' });
  private frame = 0;
  private headKey = '';
  private headNode = h('header', { class: 'fb-Run-head' });
  private kill: KillButton | null = null;
  private picture: Picture | null = null;
  private remark = '';
  private run: IRun | null = null;
  private say: ISay;
  private selected: INode | null = null;
  private skew = 0;
  private stale = false;
  private timer = 0;
}

function titleOf(run: IRun): string {
  return run.namespace ? `${run.namespace}.${run.flow}` : run.flow;
}

/** The node as it is now, by its key. */
function find(run: IRun, key: string): INode | undefined {
  const stack: INode[] = [...run.graph.children, ...(run.graph.tails ?? []).flatMap(lane => lane.children)];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (node.key === key) {
      return node;
    }
    stack.push(...(node.children ?? []), ...[...(node.lanes ?? []), ...(node.tails ?? [])].flatMap(lane => lane.children));
  }
  return undefined;
}
