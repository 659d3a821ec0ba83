/** The graph as SVG markup, one part a node. `views/svg.py` writes the same, letter by letter. */
import { FIELD, HEAD, columns, layOut } from './layout';
import type { IBox, IEdge, ILabel, ILayout } from './layout';
import { BY_LETTER, icon } from './states';
import type { IGraph, INode } from './types';
import { clock, count, cut, escape, left, width } from './words';

/** The key of a node (or of a container's lines), and its markup. */
export type Part = [string, string];

const CORNER = 6;
const LABEL_RISE = 18;

/** The whole graph as one `<svg>`, for a page that has the tokens and the icons. */
export function graph(rows: IGraph, now: number, name: string, closed: ReadonlySet<string> = new Set()): string {
  const layout = layOut(rows, closed);
  const inner = parts(layout, now).map(part => part[1]);
  return `${open(layout, name)}${inner.join('')}</svg>`;
}

/** The start of the `<svg>`. */
export function open({ width: w, height: h }: ILayout, name: string): string {
  return (
    `<svg class="fb-Graph" xmlns="http://www.w3.org/2000/svg" role="tree" ` +
    `aria-label="${escape(`Graph of ${name}`)}" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}">`
  );
}

/** The markup of every node, container by container, what lies below first. */
export function parts(layout: ILayout, now: number): Part[] {
  const lines = linesOf(layout);
  const out = [...lines('')];
  for (const box of layout.boxes) {
    const drawn = box.form === 'open' || box.form === 'grid' ? group(box) : task(box, now);
    out.push([box.node.key, drawn], ...lines(box.node.key));
  }
  return out;
}

function use(name: string, x: number, y: number, class_ = ''): string {
  return `<use href="#fb-i-${name}" x="${x}" y="${y}" width="12" height="12"${class_ && ` class="${class_}"`}/>`;
}

function elapsed(node: INode, now: number): string {
  return node.started === undefined ? '' : clock((node.ended ?? now) - node.started);
}

/** Text for a `<text>` element, cut, with the whole of it as its title. */
function said(text: string, px: number, room: number): string {
  const shown = cut(text, px, room);
  return shown === text ? escape(shown) : `${escape(shown)}<title>${escape(text)}</title>`;
}

/** The second line: parts are dropped from the end until it fits. */
function meta(node: INode, now: number, room: number): string {
  const pieces = [...(node.meta ?? [])];
  if (node.state === 'running' && node.started !== undefined) {
    pieces.push(...[left(node.estimate, now - node.started)].filter(Boolean));
  }
  while (pieces.length > 1 && width(pieces.join(' · '), 11) > room) {
    pieces.pop();
  }
  return pieces.join(' · ');
}

function attributes(box: IBox, class_: string, label: string): string {
  const { node } = box;
  const state = node.state ? ` data-state="${escape(node.state)}"` : '';
  const expanded =
    node.kind === 'group' || node.kind === 'loop' ? ` aria-expanded="${box.form !== 'closed'}"` : '';
  return (
    `class="${class_}" data-key="${escape(node.key)}"${state} role="treeitem" ` +
    `aria-level="${box.level}"${expanded} aria-label="${escape(label)}" ` +
    `transform="translate(${box.x} ${box.y})"`
  );
}

function task(box: IBox, now: number): string {
  const { node, w, h } = box;
  const x = node.state ? 30 : 12;
  const strip = !!node.cells;
  const [nameY, metaY] = strip ? [18, 32] : [20, 35];
  const closed = box.form === 'closed';
  const time = closed ? '' : elapsed(node, now);
  const room = w - 11 - x;
  const head = room - (time ? width(time, 11) + 8 : 0) - (closed ? 16 : 0);
  const line = closed ? folded(node) : meta(node, now, room);
  const label = [node.id, node.state || 'not reached', line].filter(Boolean).join(', ');
  const out = [
    `<g ${attributes(box, 'fb-Node', label)}>`,
    `<rect class="fb-ring" x="-3" y="-3" width="${w + 6}" height="${h + 6}" rx="7"/>`,
    `<rect class="fb-box" x=".5" y=".5" width="${w - 1}" height="${h - 1}" rx="4"/>`
  ];
  if (node.state) {
    out.push(use(icon(node.state), 11, 8));
  }
  out.push(`<text class="fb-name" x="${x}" y="${nameY}">${said(node.id, 13, head)}</text>`);
  if (time) {
    out.push(`<text class="fb-meta" x="${w - 11}" y="${nameY}" text-anchor="end">${time}</text>`);
  }
  if (closed) {
    out.push(use('expand', w - 22, 8, 'fb-toggle'));
  }
  if (line) {
    const class_ = node.state === 'failed' ? 'fb-meta fb-mod-state' : 'fb-meta';
    out.push(`<text class="${class_}" x="${x}" y="${metaY}">${said(line, 11, room)}</text>`);
  }
  if (node.cells) {
    out.push(stripOf(node.cells, x, w - 11 - x));
  }
  out.push('</g>');
  return out.join('');
}

function folded(node: INode): string {
  return [node.word, node.count || node.summary].filter(Boolean).join(' · ');
}

const TICKS: Record<string, string> = { d: ' fb-mod-done', c: ' fb-mod-copied', r: ' fb-mod-running', f: ' fb-mod-failed' };

/** One segment a cell; above forty cells one bar. */
function stripOf(cells: string, x: number, w: number): string {
  const n = cells.length;
  let pieces: [number, number, string][];
  if (n > 40) {
    const done = [...cells].filter(letter => !'r.'.includes(letter)).length;
    pieces = [
      [0, w, '.'],
      [0, Math.floor((w * done) / n), cells.includes('f') ? 'f' : 'd']
    ];
  } else {
    const step = (index: number): number => Math.floor((w * index) / n);
    pieces = [...cells].map((letter, index) => [step(index), step(index + 1) - step(index) - 1, letter]);
  }
  return pieces
    .map(([at, wide, letter]) => {
      const [y, high] = letter === 'f' ? [36, 5] : [37, 3];
      const class_ = `fb-tick${TICKS[letter] ?? ''}`;
      return `<rect class="${class_}" x="${x + at}" y="${y}" width="${Math.max(wide, 1)}" height="${high}"/>`;
    })
    .join('');
}

function group(box: IBox): string {
  const { node, w, h } = box;
  const counted = node.count ?? '';
  const x = node.state ? 30 : 12;
  const room = w - 28 - x - (counted ? width(counted, 11) + 8 : 0);
  const name = cut(node.id, 12, room);
  const after = room - width(name, 12) - 6;
  const word = width(node.word ?? '', 11) <= after ? (node.word ?? '') : '';
  const label = [node.id, node.word, node.state, counted || node.state || 'not reached'].filter(Boolean).join(', ');
  const out = [
    `<g ${attributes(box, 'fb-Group', label)}>`,
    `<rect class="fb-ring" x="-3" y="-3" width="${w + 6}" height="${h + 6}" rx="9"/>`,
    `<rect class="fb-box" x=".5" y=".5" width="${w - 1}" height="${h - 1}" rx="6"/>`
  ];
  if (node.state) {
    out.push(use(icon(node.state), 11, 8));
  }
  const title = name === node.id ? '' : `<title>${escape(node.id)}</title>`;
  const kind = word ? `<tspan class="fb-meta" dx="6">${escape(word)}</tspan>` : '';
  out.push(`<text x="${x}" y="18"><tspan class="fb-name">${escape(name)}</tspan>${kind}${title}</text>`);
  if (counted) {
    out.push(`<text class="fb-meta" x="${w - 28}" y="18" text-anchor="end">${escape(counted)}</text>`);
  }
  out.push(use('collapse', w - 22, 8, 'fb-toggle'));
  if (box.form === 'grid') {
    out.push(grid(node, w));
  }
  out.push('</g>');
  return out.join('');
}

function grid(node: INode, w: number): string {
  const marks = node.marks ?? '';
  const across = columns(marks);
  const out = [...marks].map((letter, index) => {
    const x = 10 + (index % across) * FIELD;
    const y = HEAD + Math.floor(index / across) * FIELD;
    const state: string | undefined = BY_LETTER[letter];
    const title = escape(field(node, index, state));
    if (!state) {
      return (
        `<g class="fb-mark" data-field="${index}"><title>${title}</title>` +
        `<circle cx="${x + 8}" cy="${y + 8}" r="1"/></g>`
      );
    }
    return (
      `<g class="fb-mark" data-field="${index}" data-state="${state}"><title>${title}</title>` +
      `<rect x="${x}" y="${y}" width="16" height="16" rx="3"/>${use(icon(state), x + 2, y + 2)}</g>`
    );
  });
  const rows = Math.max(1, Math.ceil(marks.length / across));
  if (node.summary) {
    const y = HEAD + rows * FIELD + 14;
    out.push(`<text class="fb-meta" x="12" y="${y}">${said(node.summary, 11, w - 24)}</text>`);
  }
  return out.join('');
}

/** What a field of the grid is called. */
function field(node: INode, index: number, state: string | undefined): string {
  const word = state ?? 'to come';
  const several = node.perField ?? 1;
  if (several > 1) {
    const first = index * several + 1;
    return `iterations ${count(first)}–${count(first + several - 1)}: ${word}`;
  }
  const value = node.titles && index < node.titles.length ? ` · ${node.titles[index]}` : '';
  return `iteration ${index + 1}${value}: ${word}`;
}

function linesOf(layout: ILayout): (up: string) => Part[] {
  const edges = byContainer(layout.edges);
  const labels = byContainer(layout.labels);
  return up => {
    const out = (edges.get(up) ?? []).map(edge);
    for (const label of labels.get(up) ?? []) {
      if (label.rule) {
        out.push(`<path class="fb-Rule" d="M${label.x} ${label.y - LABEL_RISE}H${label.x + label.rule}"/>`);
      }
      out.push(`<text class="fb-Word" x="${label.x}" y="${label.y}">${escape(label.text)}</text>`);
    }
    return out.length ? [[`lines:${up}`, `<g class="fb-Lines" aria-hidden="true">${out.join('')}</g>`]] : [];
  };
}

function byContainer<T extends IEdge | ILabel>(items: T[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of items) {
    found.set(item.up, [...(found.get(item.up) ?? []), item]);
  }
  return found;
}

function edge({ points, open: dashed }: IEdge): string {
  const path = [`M${points[0][0]} ${points[0][1]}`];
  for (let index = 1; index < points.length; index++) {
    const [x1, y1] = points[index - 1];
    const [x2, y2] = points[index];
    const end = index === points.length - 1 ? x2 - 5 : x2;
    if (y1 === y2) {
      path.push(`H${end}`);
      continue;
    }
    const middle = Math.floor((x1 + x2) / 2);
    const corner = Math.min(CORNER, Math.floor(Math.abs(y2 - y1) / 2));
    const step = y2 > y1 ? corner : -corner;
    path.push(
      `H${middle - corner}Q${middle} ${y1} ${middle} ${y1 + step}V${y2 - step}` +
        `Q${middle} ${y2} ${middle + corner} ${y2}H${end}`
    );
  }
  const [x, y] = points[points.length - 1];
  return (
    `<path class="${dashed ? 'fb-Edge fb-mod-open' : 'fb-Edge'}" d="${path.join('')}"/>` +
    `<path class="fb-Arrow" d="M${x - 6} ${y - 3.5}L${x - 1} ${y}L${x - 6} ${y + 3.5}Z"/>`
  );
}
