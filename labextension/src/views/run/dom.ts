/** Elements made by hand: what a kernel sends becomes text and attributes, never markup. */

export type Child = Node | string | null | undefined | false;

/** An element with attributes and children; an attribute that is undefined is left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | undefined> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.filter((child): child is Node | string => !!child));
  return element;
}

/** One of our own icons or graphs: markup that `icons.ts` or `graph.ts` wrote. */
export function drawn(markup: string): SVGElement {
  const holder = document.createElement('template');
  holder.innerHTML = markup;
  return holder.content.firstElementChild as SVGElement;
}

/** A button of ours. */
export function button(label: string, mods: string, onClick: () => void, ...before: Child[]): HTMLButtonElement {
  const classes = ['fb-Button', ...mods.split(' ').filter(Boolean).map(mod => `fb-mod-${mod}`)].join(' ');
  const element = h('button', { class: classes, type: 'button' }, ...before, label);
  element.addEventListener('click', onClick);
  return element;
}
