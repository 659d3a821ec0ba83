/** The icons of `views/icons.json` (12 px: attributes and body), and glyphs for buttons and rows (16 px). */

export const ICONS: Record<string, [string, string]> = {
  cancelled: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<circle cx="6" cy="6" r="4.5"/><path d="M2.85 9.15l6.3-6.3"/>'
  ],
  created: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<circle cx="6" cy="6" r="4.5" stroke-dasharray="1.77 1.77"/>'
  ],
  failed: [
    'fill="currentColor"',
    '<path fill-rule="evenodd" d="M6 .5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM4.1 3.15 6 5.05l1.9-1.9.95.95L6.95 6l1.9 1.9-.95.95L6 6.95l-1.9 1.9-.95-.95L5.05 6l-1.9-1.9z"/>'
  ],
  killed: [
    'fill="currentColor"',
    '<rect x="2" y="2" width="8" height="8" rx="1"/>'
  ],
  killing: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<rect x="2.25" y="2.25" width="7.5" height="7.5" rx="1"/>'
  ],
  paused: [
    'fill="currentColor"',
    '<path d="M2.5 2H5v8H2.5zM7 2h2.5v8H7z"/>'
  ],
  queued: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<circle cx="6" cy="6" r="4.5"/><path d="M6 3.25V6l1.75 1.25"/>'
  ],
  retrying: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<path d="M10.1 7.4A4.35 4.35 0 1 1 9.6 3.6"/><path d="M10.25 1v3H7.25"/>'
  ],
  running: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<path d="M6 1.5A4.5 4.5 0 1 1 1.5 6"/><circle cx="6" cy="6" r="1.75" fill="currentColor" stroke="none"/>'
  ],
  skipped: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<path d="M1.75 2.25 5.5 6 1.75 9.75M6.25 2.25 10 6 6.25 9.75"/>'
  ],
  success: [
    'fill="none" stroke="currentColor" stroke-width="1.75"',
    '<path d="M1.75 6.5 4.75 9.5 10.25 2.75"/>'
  ],
  warning: [
    'fill="currentColor"',
    '<path fill-rule="evenodd" d="M6 .75 11.75 11H.25zM5.25 4.25v3.5h1.5v-3.5zM5.25 8.5V10h1.5V8.5z"/>'
  ],
  collapse: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<path d="M2.5 4.5 6 8l3.5-3.5"/>'
  ],
  expand: [
    'fill="none" stroke="currentColor" stroke-width="1.5"',
    '<path d="M4.5 2.5 8 6l-3.5 3.5"/>'
  ]
};

export const GLYPHS: Record<string, string> = {
  down: '<path d="M3.5 6 8 10.5 12.5 6"/>',
  open: '<path d="M9 2.75h4.25V7M13 3 7.5 8.5M11.25 9.5v3.75h-8.5v-8.5H6.5"/>',
  notebook: '<path d="M3.75 2.25h9v11.5h-9zM6.25 2.5v11M8.5 5.5h2"/>',
  file: '<path d="M3.75 2.25h5.5l3 3v8.5h-8.5zM9 2.5v3h3"/>',
  table: '<path d="M2.25 3.25h11.5v9.5H2.25zM2.25 6.5h11.5M6 6.5v6.25"/>',
  flow: '<path d="M2.25 6h3.5v4h-3.5zM10.25 2.25h3.5v4h-3.5zM10.25 9.75h3.5v4h-3.5zM6 8h2.25V4.25H10M8.25 8v3.75H10"/>',
  search: '<circle cx="7" cy="7" r="4.25"/><path d="M10.25 10.25 14 14"/>',
  play: '<path d="M4.5 2.75v10.5L13 8z" fill="currentColor" stroke="none"/>',
  clock: '<circle cx="8" cy="8" r="5.75"/><path d="M8 4.5V8l2.5 1.75"/>'
};

/** All state icons as symbols, for the `<defs>` of a graph. */
export function symbols(): string {
  return Object.entries(ICONS)
    .map(([name, [attributes, body]]) => `<symbol id="fb-i-${name}" viewBox="0 0 12 12" ${attributes}>${body}</symbol>`)
    .join('');
}

/** A state's icon outside a graph. */
export function icon(name: string): string {
  const [attributes, body] = ICONS[name] ?? ICONS.created;
  return `<svg class="fb-icon" viewBox="0 0 12 12" aria-hidden="true" ${attributes}>${body}</svg>`;
}

/** A button's or a row's glyph. */
export function glyph(name: string): string {
  return (
    `<svg class="fb-glyph" viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" ` +
    `stroke-width="1.25">${GLYPHS[name] ?? ''}</svg>`
  );
}
