/** What a state adds under the graph: a failure, or the outputs. */
import { button, drawn, h } from './dom';
import { glyph, icon } from './icons';
import type { ISay } from './say';
import type { IFailure, ILink, IPreview, IRun } from './types';
import { count } from './words';

export type Open = (path: string) => void;

/** What can be done about a failed notebook; a click says which. */
export interface ILive {
  /** Open it on its live kernel. */
  open: (failure: IFailure) => void;
  /** Go on from the cell that failed. */
  goOn: (failure: IFailure) => void;
}

const PICTURE = /^data:image\/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=]+$/;

/** What, where, why, what now, in this order. */
export function failureBlock(failure: IFailure, say: ISay, open?: Open, live?: ILive): HTMLElement {
  const lines = failure.lines ?? [];
  const code =
    lines.length > 0 &&
    h(
      'div',
      { class: 'fb-Code', role: 'group', 'aria-label': [failure.title, failure.where].filter(Boolean).join(', ') },
      ...lines.map(([number, text, here]) =>
        h('div', here ? { class: 'fb-mod-here' } : {}, h('i', {}, here ? `▸ ${number}` : String(number)), text)
      )
    );
  const path = failure.path;
  const buttons: HTMLElement[] = [];
  if (live && failure.cell !== undefined && failure.run) {
    buttons.push(button(say.__('Open in live kernel'), 'primary', () => live.open(failure)));
    buttons.push(button(say.__('Continue from cell %1', failure.cell), '', () => live.goOn(failure)));
  }
  if (path && open) {
    buttons.push(button(say.__('Open executed notebook'), buttons.length ? '' : 'primary', () => open(path)));
  }
  return h(
    'div',
    { class: 'fb-Failure', role: 'group', 'aria-label': failure.title },
    h(
      'div',
      { class: 'fb-Failure-head' },
      h('span', { class: 'fb-State fb-mod-strong', 'data-state': 'failed' }, drawn(icon('failed')), failure.title),
      failure.note && h('span', { class: 'fb-quiet fb-small' }, failure.note)
    ),
    code,
    (failure.type || failure.message) &&
      h(
        'p',
        { class: 'fb-Message' },
        failure.type && h('b', {}, failure.type),
        failure.type && failure.message ? ': ' : '',
        failure.message
      ),
    failure.traceback &&
      h(
        'details',
        // without source lines this is all there is to see
        { class: 'fb-Trace', open: lines.length ? undefined : '' },
        h('summary', {}, lines.length ? say.__('Traceback') : say.__('Last lines')),
        h('pre', { class: 'fb-Code', tabindex: '0' }, failure.traceback)
      ),
    buttons.length > 0 && h('div', { class: 'fb-Buttons' }, ...buttons)
  );
}

/** Tables and figures side by side, files in a line beneath. */
export function outputBlocks(run: IRun, say: ISay, open?: Open): HTMLElement[] {
  const previews = (run.previews ?? []).slice(0, 2);
  const links = run.links ?? [];
  const blocks: HTMLElement[] = [];
  if (previews.length) {
    const mod = previews.length === 1 ? ' fb-mod-one' : '';
    blocks.push(h('div', { class: `fb-Outputs${mod}` }, ...previews.map(preview => output(preview, say, open))));
  }
  if (links.length || (run.variable && previews.length)) {
    blocks.push(
      h(
        'div',
        { class: 'fb-Links' },
        ...links.map(link => linkOf(link, open)),
        run.variable &&
          h('span', { class: 'fb-push fb-quiet' }, say.__('in Python:'), h('code', {}, `${run.variable}.outputs`))
      )
    );
  }
  return blocks;
}

function output(preview: IPreview, say: ISay, open?: Open): HTMLElement {
  const { path } = preview;
  return h(
    'figure',
    { class: 'fb-Output' },
    h(
      'figcaption',
      { class: 'fb-Output-head' },
      drawn(glyph(preview.columns ? 'table' : preview.image ? 'notebook' : 'file')),
      h('b', {}, preview.title),
      preview.note && h('span', { class: 'fb-quiet fb-small' }, preview.note),
      path && open ? h('span', { class: 'fb-push' }) : null,
      path && open ? button(say.__('Open'), 'small plain', () => open(path)) : null
    ),
    preview.columns ? tableOf(preview, say) : null,
    preview.image && PICTURE.test(preview.image) ? h('img', { src: preview.image, alt: preview.title }) : null,
    preview.text ? h('pre', { class: 'fb-Code' }, preview.text) : null
  );
}

function tableOf(preview: IPreview, say: ISay): HTMLElement {
  const side = (index: number): Record<string, string> => (preview.numeric?.[index] ? { class: 'fb-num' } : {});
  const rows = preview.rows ?? [];
  const head = (preview.columns ?? []).map((name, index) => h('th', { scope: 'col', ...side(index) }, name));
  const body = rows.map(row => h('tr', {}, ...row.map((cell, index) => h('td', { ...side(index), title: cell }, cell))));
  const total = preview.total ?? rows.length;
  return h(
    'div',
    { class: 'fb-Output-table' },
    h('table', { class: 'fb-Table' }, h('thead', {}, h('tr', {}, ...head)), h('tbody', {}, ...body)),
    total > rows.length &&
      h('p', { class: 'fb-quiet fb-small' }, say.__('First %1 of %2 rows', rows.length, count(total)))
  );
}

function linkOf(link: ILink, open?: Open): HTMLElement {
  const { path } = link;
  let name: HTMLElement = h('span', {}, link.label);
  if (path && open) {
    name = h('button', { class: 'fb-Link', type: 'button' }, link.label);
    name.addEventListener('click', () => open(path));
  }
  return h(
    'span',
    {},
    drawn(glyph(link.kind)),
    name,
    link.note && h('span', { class: 'fb-quiet' }, link.note)
  );
}
