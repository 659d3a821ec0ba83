/** Where the nodes of a graph stand: left to right, every container on its own. `views/layout.py` does the same. */
import type { IGraph, ILane, INode } from './types';

const NODE_W = 176;
const NODE_H = 44;
const RANK_GAP = 24;
const SIBLING_GAP = 8;
export const HEAD = 28;
const PAD = 12;
export const FIELD = 16;
const GRID_W = 236;
const LABEL = 20;
const COLUMN = 8;
const MARGIN = 4;

type Point = [number, number];
export type Form = 'leaf' | 'closed' | 'grid' | 'open';

export interface IBox {
  node: INode;
  x: number;
  y: number;
  w: number;
  h: number;
  level: number;
  form: Form;
  up: string;
}

export interface IEdge {
  points: Point[];
  open: boolean;
  up: string;
}

export interface ILabel {
  text: string;
  x: number;
  y: number;
  rule: number;
  up: string;
}

export interface ILayout {
  width: number;
  height: number;
  boxes: IBox[];
  edges: IEdge[];
  labels: ILabel[];
}

/** Every node of the graph in its place; `closed` names the collapsed groups. */
export function layOut(graph: IGraph, closed: ReadonlySet<string> = new Set()): ILayout {
  const place = new Place(closed);
  const dag = graph.layout === 'dag' ? new Dag(place, graph.children, graph.edges ?? [], '') : null;
  const [w, h] = dag ? dag.size() : place.chainSize(graph.children);
  if (dag) {
    dag.put(MARGIN, MARGIN, h, 1);
  } else {
    place.chain(graph.children, MARGIN, MARGIN, h, 1, '', 0, false);
  }
  const [fullW, fullH] = place.tails(graph.tails ?? [], MARGIN, MARGIN, w, h, 1, '');
  return { ...place.out, width: fullW + 2 * MARGIN, height: fullH + 2 * MARGIN };
}

/** Fields in a row of a grid. */
export function columns(marks: string): number {
  return marks.length <= 60 ? 12 : 24;
}

const half = (n: number): number => Math.floor(n / 2);
const sum = (numbers: number[]): number => numbers.reduce((total, n) => total + n, 0);
const most = (numbers: number[]): number => numbers.reduce((best, n) => Math.max(best, n), 0);

class Place {
  readonly out: ILayout = { width: 0, height: 0, boxes: [], edges: [], labels: [] };
  private sizes = new Map<string, Point>();

  constructor(private closed: ReadonlySet<string>) {}

  form(node: INode): Form {
    if (node.kind !== 'group' && node.kind !== 'loop') {
      return 'leaf';
    }
    if (this.closed.has(node.key)) {
      return 'closed';
    }
    if (node.layout === 'grid' || node.marks) {
      return 'grid';
    }
    return node.children?.length || node.lanes?.length ? 'open' : 'closed';
  }

  size(node: INode): Point {
    let size = this.sizes.get(node.key);
    if (!size) {
      size = this.measure(node);
      this.sizes.set(node.key, size);
    }
    return size;
  }

  private measure(node: INode): Point {
    const form = this.form(node);
    if (form === 'leaf' || form === 'closed') {
      return [NODE_W, NODE_H];
    }
    let w: number;
    let h: number;
    if (form === 'grid') {
      const marks = node.marks ?? '';
      const across = columns(marks);
      const rows = Math.max(1, Math.ceil(marks.length / across));
      w = Math.max(GRID_W, across * FIELD + 20) - 2 * PAD;
      h = rows * FIELD + 16;
    } else {
      [w, h] = this.innerSize(node);
    }
    [w, h] = this.tailsSize(node.tails ?? [], Math.max(w, NODE_W), h);
    return [w + 2 * PAD, HEAD + h + PAD];
  }

  private innerSize(node: INode): Point {
    const children = node.children ?? [];
    if (node.lanes?.length) {
      const sizes = node.lanes.map(lane => this.chainSize(lane.children));
      const h = sum(sizes.map(size => size[1] + LABEL)) + SIBLING_GAP * (sizes.length - 1);
      return [most(sizes.map(size => size[0])), h];
    }
    if (node.layout === 'parallel') {
      return this.columnsSize(children);
    }
    if (node.layout === 'dag') {
      return new Dag(this, children, node.edges ?? [], node.key).size();
    }
    return this.chainSize(children);
  }

  chainSize(nodes: INode[]): Point {
    if (!nodes.length) {
      return [0, 0];
    }
    const sizes = nodes.map(node => this.size(node));
    return [sum(sizes.map(size => size[0])) + RANK_GAP * (sizes.length - 1), most(sizes.map(size => size[1]))];
  }

  private columnsSize(nodes: INode[]): Point {
    const stacks = stacked(nodes);
    const widths = stacks.map(stack => most(stack.map(node => this.size(node)[0])));
    const heights = stacks.map(
      stack => sum(stack.map(node => this.size(node)[1])) + SIBLING_GAP * (stack.length - 1)
    );
    return [sum(widths) + SIBLING_GAP * (widths.length - 1), most(heights)];
  }

  private tailsSize(tails: ILane[], w: number, h: number): Point {
    for (const lane of tails) {
      const [laneW, laneH] = this.chainSize(lane.children);
      w = Math.max(w, laneW);
      h += PAD + LABEL + laneH;
    }
    return [w, h];
  }

  put(node: INode, x: number, y: number, w: number, level: number, up: string, dashed: boolean): void {
    const form = this.form(node);
    const [natural, h] = this.size(node);
    w = Math.max(w, natural);
    this.out.boxes.push({ node, x, y, w, h, level, form, up });
    if (form === 'leaf' || form === 'closed') {
      return;
    }
    const tails = node.tails ?? [];
    const innerH = h - HEAD - PAD - this.tailsSize(tails, 0, 0)[1];
    if (form === 'open') {
      this.inside(node, x + PAD, y + HEAD, w - 2 * PAD, innerH, level + 1, dashed);
    }
    this.tails(tails, x + PAD, y + HEAD, w - 2 * PAD, innerH, level + 1, node.key);
  }

  private inside(node: INode, x: number, y: number, w: number, h: number, level: number, dashed: boolean): void {
    const children = node.children ?? [];
    if (node.lanes?.length) {
      for (const lane of node.lanes) {
        this.out.labels.push({ text: lane.name, x, y: y + 12, rule: 0, up: node.key });
        y += LABEL;
        const laneH = this.chainSize(lane.children)[1];
        this.chain(lane.children, x, y, laneH, level, node.key, w, dashed || lane.taken === false);
        y += laneH + SIBLING_GAP;
      }
    } else if (node.layout === 'parallel') {
      this.stacks(node, x, y, w, level);
    } else if (node.layout === 'dag') {
      new Dag(this, children, node.edges ?? [], node.key).put(x, y, h, level);
    } else {
      this.chain(children, x, y, h, level, node.key, w, dashed);
    }
  }

  private stacks(node: INode, x: number, y: number, w: number, level: number): void {
    const stacks = stacked(node.children ?? []);
    for (const stack of stacks) {
      const wide = stacks.length === 1 ? w : most(stack.map(child => this.size(child)[0]));
      let top = y;
      for (const child of stack) {
        this.put(child, x, top, wide, level, node.key, false);
        top += this.size(child)[1] + SIBLING_GAP;
      }
      x += wide + SIBLING_GAP;
    }
  }

  chain(
    nodes: INode[],
    x: number,
    y: number,
    h: number,
    level: number,
    up: string,
    w: number,
    dashed: boolean
  ): void {
    const middle = y + half(h);
    nodes.forEach((node, index) => {
      const [natural, height] = this.size(node);
      const wide = nodes.length === 1 && w ? w : natural;
      if (index) {
        this.out.edges.push({ points: [[x - RANK_GAP, middle], [x, middle]], open: dashed, up });
      }
      this.put(node, x, middle - half(height), wide, level, up, dashed);
      x += wide + RANK_GAP;
    });
  }

  tails(tails: ILane[], x: number, y: number, w: number, h: number, level: number, up: string): Point {
    const full = this.tailsSize(tails, w, h)[0];
    for (const lane of tails) {
      const top = y + h + PAD;
      this.out.labels.push({ text: lane.name, x, y: top + 12, rule: full, up });
      const laneH = this.chainSize(lane.children)[1];
      this.chain(lane.children, x, top + LABEL, laneH, level, up, 0, lane.taken === false);
      h += PAD + LABEL + laneH;
    }
    return [full, h];
  }
}

/** Children without edges in columns of at most `COLUMN`. */
function stacked(nodes: INode[]): INode[][] {
  const across = Math.ceil(nodes.length / COLUMN) || 1;
  const deep = Math.ceil(nodes.length / across) || 1;
  const stacks = [];
  for (let start = 0; start < nodes.length; start += deep) {
    stacks.push(nodes.slice(start, start + deep));
  }
  return stacks;
}

/** Columns by longest path; an edge over several columns gets a waypoint in each between. */
class Dag {
  private byId: Map<string, INode>;
  private ranked: string[][];
  private paths: string[][] = [];

  constructor(
    private place: Place,
    nodes: INode[],
    all: [string, string][],
    private up: string
  ) {
    this.byId = new Map(nodes.map(child => [child.id, child]));
    const edges = all.filter(([start, end]) => this.byId.has(start) && this.byId.has(end));
    const ranks = this.ranks(edges);
    this.ranked = Array.from({ length: Math.max(-1, ...ranks.values()) + 1 }, () => []);
    for (const name of this.byId.keys()) {
      this.ranked[ranks.get(name)!].push(name);
    }
    edges.forEach(([start, end], index) => {
      const path = [start];
      for (let rank = ranks.get(start)! + 1; rank < ranks.get(end)!; rank++) {
        path.push(`\0${index}.${rank}`);
        this.ranked[rank].push(path[path.length - 1]);
      }
      this.paths.push([...path, end]);
    });
    this.order();
  }

  private ranks(edges: [string, string][]): Map<string, number> {
    const ranks = new Map([...this.byId.keys()].map(name => [name, 0]));
    for (let round = 0; round < ranks.size; round++) {
      let moved = false;
      for (const [start, end] of edges) {
        const from = ranks.get(start)!;
        if (ranks.get(end)! <= from && from < ranks.size - 1) {
          ranks.set(end, from + 1);
          moved = true;
        }
      }
      if (!moved) {
        break;
      }
    }
    return ranks;
  }

  /** Sort each column by the mean place of what leads to it (Sugiyama's barycenter). */
  private order(): void {
    const before = new Map<string, string[]>();
    for (const path of this.paths) {
      for (let index = 1; index < path.length; index++) {
        before.set(path[index], [...(before.get(path[index]) ?? []), path[index - 1]]);
      }
    }
    for (let rank = 1; rank < this.ranked.length; rank++) {
      const at = new Map(this.ranked[rank - 1].map((name, index) => [name, index]));
      const weight = (name: string): number => {
        const places = (before.get(name) ?? []).filter(one => at.has(one)).map(one => at.get(one)!);
        return places.length ? Math.floor((sum(places) * 1000) / places.length) : 0;
      };
      this.ranked[rank].sort((a, b) => weight(a) - weight(b));
    }
  }

  private box(name: string): Point {
    const node = this.byId.get(name);
    return node ? this.place.size(node) : [0, SIBLING_GAP];
  }

  private column(names: string[]): Point {
    const sizes = names.map(name => this.box(name));
    return [most(sizes.map(size => size[0])), sum(sizes.map(size => size[1])) + SIBLING_GAP * (sizes.length - 1)];
  }

  size(): Point {
    const sizes = this.ranked.map(names => this.column(names));
    const w = sizes.length ? sum(sizes.map(size => size[0])) + RANK_GAP * (sizes.length - 1) : 0;
    return [w, most(sizes.map(size => size[1]))];
  }

  put(x: number, y: number, h: number, level: number): void {
    const left = new Map<string, Point>();
    const right = new Map<string, Point>();
    const placed: [string, number, number, number][] = [];
    for (const names of this.ranked) {
      const [wide, high] = this.column(names);
      let top = y + half(h - high);
      for (const name of names) {
        const height = this.box(name)[1];
        const middle = top + half(height);
        left.set(name, [x, middle]);
        right.set(name, [x + wide, middle]);
        if (this.byId.has(name)) {
          placed.push([name, x, top, wide]);
        }
        top += height + SIBLING_GAP;
      }
      x += wide + RANK_GAP;
    }
    for (const path of this.paths) {
      const points = [right.get(path[0])!];
      for (const name of path.slice(1, -1)) {
        points.push(left.get(name)!, right.get(name)!);
      }
      points.push(left.get(path[path.length - 1])!);
      this.place.out.edges.push({ points, open: false, up: this.up });
    }
    for (const [name, atX, atY, wide] of placed) {
      this.place.put(this.byId.get(name)!, atX, atY, wide, level, this.up, false);
    }
  }
}
