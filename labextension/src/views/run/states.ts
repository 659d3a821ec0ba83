/** The looks of states: the letters and icons of `views/states.py`, and the words for a head line. */

const ICONS: Record<string, string> = {
  breakpoint: 'paused',
  restarted: 'created',
  submitted: 'created',
  resubmitted: 'created',
  retried: 'retrying'
};

export const BY_LETTER: Record<string, string> = {
  f: 'failed',
  k: 'killed',
  g: 'killing',
  x: 'cancelled',
  w: 'warning',
  t: 'retrying',
  p: 'paused',
  r: 'running',
  q: 'queued',
  c: 'created',
  s: 'success',
  z: 'skipped'
};

const KNOWN = new Set([...Object.values(BY_LETTER), ...Object.keys(ICONS)]);
const ENDED = new Set(['success', 'warning', 'failed', 'killed', 'cancelled', 'retried', 'skipped', 'resubmitted']);

/** The icon of a state; one that isn't known looks like created. */
export function icon(state: string): string {
  return KNOWN.has(state) ? (ICONS[state] ?? state) : 'created';
}

/** Whether nothing more happens in this state. */
export function isOver(state: string): boolean {
  return ENDED.has(state);
}

/** `Running`. */
export function sentence(state: string): string {
  return state.charAt(0).toUpperCase() + state.slice(1);
}

/** Shares of the progress bar, in per cent, in the order in which they are drawn. */
export function segments(counts: Record<string, number>, expected: number): [string, number][] {
  const seen = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const total = Math.max(expected, seen, 1);
  const order = ['success', 'warning', 'skipped', 'failed', 'killed', 'cancelled', 'running', 'retrying', 'paused', 'killing'];
  return order.filter(state => counts[state]).map(state => [state, Math.round((1000 * counts[state]) / total) / 10]);
}
