import * as React from 'react';
import { GLYPHS, ICONS } from '../run/icons';
import { icon } from '../run/states';

/** A state where there is no room for its word: the word is the title. */
export function StateIcon({ state }: { state: string }): React.JSX.Element {
  const [attributes, body] = ICONS[icon(state)];
  const markup = `<svg class="fb-icon" viewBox="0 0 12 12" aria-hidden="true" ${attributes}>${body}</svg>`;
  return (
    <span
      className="fb-State"
      data-state={state}
      role="img"
      aria-label={state}
      title={state}
      dangerouslySetInnerHTML={{ __html: markup }}
    />
  );
}

/** A 16 px line drawing. */
export function Glyph({ name }: { name: string }): React.JSX.Element {
  return (
    <svg
      className="fb-glyph"
      viewBox="0 0 16 16"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.25"
      dangerouslySetInnerHTML={{ __html: GLYPHS[name] ?? '' }}
    />
  );
}
