/** The graph in a page: patched node by node, walked by keyboard. */
import { drawn, h } from './dom';
import { open, parts } from './graph';
import type { Part } from './graph';
import { symbols } from './icons';
import { layOut } from './layout';
import type { IBox, ILayout } from './layout';
import type { IGraph, INode } from './types';

const SMALLEST = 0.7;

export class Picture {
  readonly node = h('div', { class: 'fb-Run-graph' });
  /** Called when a task is selected, or none. */
  onSelect: (node: INode | null) => void = () => undefined;

  constructor(private name: string) {
    this.node.addEventListener('click', event => this.click(event));
    this.node.addEventListener('keydown', event => this.key(event));
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(this.node);
  }

  draw(graph: IGraph, now: number): void {
    this.graph = graph;
    this.now = now;
    this.layout = layOut(graph, this.closed);
    const made = parts(this.layout, now);
    const same =
      this.svg && made.length === this.shown.length && made.every((part, i) => part[0] === this.shown[i][0]);
    if (same) {
      made.forEach((part, index) => this.patch(part, index));
    } else {
      this.rebuild(made);
    }
    this.shown = made;
    this.fit();
  }

  /** Draw again with another time: clocks go on. */
  tick(now: number): void {
    if (this.graph) {
      this.draw(this.graph, now);
    }
  }

  dispose(): void {
    this.resized.disconnect();
  }

  private rebuild(made: Part[]): void {
    const focused = this.svg?.contains(document.activeElement) ?? false;
    const inner = made.map(part => part[1]).join('');
    const svg = drawn(`${open(this.layout!, this.name)}<defs>${symbols()}</defs>${inner}</svg>`);
    this.svg?.remove();
    this.svg = svg;
    this.elements = [...svg.children].slice(1);
    this.node.append(svg);
    this.mark(focused);
  }

  private patch([key, markup]: Part, index: number): void {
    if (markup === this.shown[index][1]) {
      return;
    }
    const old = this.elements[index];
    const fresh = drawn(`<svg xmlns="http://www.w3.org/2000/svg">${markup}</svg>`).firstElementChild!;
    for (const name of ['tabindex', 'aria-selected']) {
      const value = old.getAttribute(name);
      if (value !== null) {
        fresh.setAttribute(name, value);
      }
    }
    // the element itself stays: focus, hover and the transition of its colours live on it
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name)) {
        old.removeAttribute(name);
      }
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value) {
        old.setAttribute(name, value);
      }
    }
    const box = old.querySelector(':scope > rect.fb-box');
    if (box && !key.startsWith('lines:') && old.classList.contains('fb-Node')) {
      const keep = [old.querySelector(':scope > rect.fb-ring')!, box];
      keep.forEach((rect, i) => {
        for (const { name, value } of [...fresh.children[i].attributes]) {
          rect.setAttribute(name, value);
        }
      });
      [...old.children].slice(2).forEach(child => child.remove());
      old.append(...[...fresh.children].slice(2));
    } else {
      old.replaceChildren(...fresh.children);
    }
  }

  private fit(): void {
    const { svg, layout } = this;
    const room = this.node.clientWidth - 24;
    if (svg && layout && room > 0) {
      const scale = Math.min(1, Math.max(SMALLEST, room / layout.width));
      svg.setAttribute('width', String(Math.round(layout.width * scale)));
      svg.setAttribute('height', String(Math.round(layout.height * scale)));
    }
  }

  private select(key: string | null, focus = false): void {
    this.selected = key;
    this.mark(focus);
    this.onSelect(this.box(key)?.node ?? null);
  }

  /** One tab stop for the whole graph: the selected node, else the first. */
  private mark(focus: boolean): void {
    const items = [...(this.svg?.querySelectorAll<SVGElement>('[role="treeitem"]') ?? [])];
    const current = items.find(item => item.dataset.key === this.selected) ?? items[0];
    for (const item of items) {
      item.setAttribute('tabindex', item === current ? '0' : '-1');
      item.setAttribute('aria-selected', String(item.dataset.key === this.selected));
    }
    if (focus) {
      current?.focus();
    }
  }

  private box(key: string | null): IBox | undefined {
    return key === null ? undefined : this.layout?.boxes.find(box => box.node.key === key);
  }

  private click(event: MouseEvent): void {
    const target = event.target as Element;
    const item = target.closest<SVGElement>('[role="treeitem"]');
    if (!item) {
      this.select(null);
      return;
    }
    this.select(item.dataset.key!, true);
    if (target.closest('.fb-toggle')) {
      this.toggle(item.dataset.key!);
    }
  }

  private toggle(key: string): void {
    if (!this.closed.delete(key)) {
      this.closed.add(key);
    }
    this.tick(this.now);
  }

  private key(event: KeyboardEvent): void {
    const boxes = this.layout?.boxes ?? [];
    const item = (event.target as Element).closest<SVGElement>('[role="treeitem"]');
    const here = this.box(item?.dataset.key ?? null);
    if (!here) {
      return;
    }
    const next: Record<string, () => IBox | undefined> = {
      Home: () => boxes[0],
      End: () => boxes[boxes.length - 1],
      ArrowRight: () => nearest(here, boxes, 1, 0),
      ArrowLeft: () => nearest(here, boxes, -1, 0),
      ArrowDown: () => nearest(here, boxes, 0, 1),
      ArrowUp: () => nearest(here, boxes, 0, -1)
    };
    if (event.key in next) {
      const found = next[event.key]();
      if (found) {
        this.select(found.node.key, true);
      }
    } else if (event.key === ' ' && item!.hasAttribute('aria-expanded')) {
      this.toggle(here.node.key);
      this.select(here.node.key, true);
    } else if (event.key === 'Enter') {
      this.select(here.node.key, true);
    } else if (event.key === 'Escape') {
      this.select(null, true);
    } else {
      return;
    }
    // else the notebook would take the key as a command of its own
    event.preventDefault();
    event.stopPropagation();
  }

  private closed = new Set<string>();
  private elements: Element[] = [];
  private graph: IGraph | null = null;
  private layout: ILayout | null = null;
  private now = 0;
  private resized: ResizeObserver;
  private selected: string | null = null;
  private shown: Part[] = [];
  private svg: SVGElement | null = null;
}

/** The box to go to: sideways along the lane one is in, then along its container's; up and down to the closest. */
function nearest(here: IBox, boxes: IBox[], dx: number, dy: number): IBox | undefined {
  if (dy) {
    return closest(here, boxes, dx, dy);
  }
  for (let from: IBox | undefined = here; from; from = boxes.find(box => box.node.key === from!.up)) {
    const { up } = from;
    const found = closest(from, boxes.filter(box => box.up === up), dx, dy);
    if (found) {
      return found;
    }
  }
  return undefined;
}

/** Up and down a container counts as its head, sideways as its middle. */
function closest(here: IBox, boxes: IBox[], dx: number, dy: number): IBox | undefined {
  const at = (box: IBox): [number, number] => [
    dx ? box.x : box.x + 40,
    dy && (box.form === 'open' || box.form === 'grid') ? box.y + 14 : box.y + box.h / 2
  ];
  const [x, y] = at(here);
  let best: IBox | undefined;
  let least = Infinity;
  for (const box of boxes) {
    const [boxX, boxY] = at(box);
    const ahead = (boxX - x) * dx + (boxY - y) * dy;
    const aside = Math.abs(dx ? boxY - y : boxX - x);
    if (ahead > 4 && ahead + 3 * aside < least) {
      least = ahead + 3 * aside;
      best = box;
    }
  }
  return best;
}
