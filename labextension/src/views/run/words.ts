/** Durations, counts and text widths, said as `views/words.py` says them. */

const NARROW = new Set("iljftrI.,:;'|!()[]/ ·");
const WIDE = new Set('mwMW@%—…');

const two = (n: number): string => String(n).padStart(2, '0');

/** `1.1 s` below ten seconds, then `0:42`, `6:42`, `1:12:04`. */
export function clock(seconds: number): string {
  const tenths = Math.floor(Math.max(seconds, 0) * 10 + 0.5);
  if (tenths < 100) {
    return `${Math.floor(tenths / 10)}.${tenths % 10} s`;
  }
  const whole = Math.floor(seconds);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `1:10 left`, rounded to ten seconds; empty when there is no estimate or it has run out. */
export function left(estimate: number | undefined, elapsed: number): string {
  if (estimate === undefined || estimate - elapsed < 10) {
    return '';
  }
  return `${clock(Math.floor((estimate - elapsed) / 10 + 0.5) * 10)} left`;
}

/** `1,461`. */
export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** The width of text in hundredths of an em, by class of character. */
export function ticks(text: string): number {
  let total = 0;
  for (const character of text) {
    if (NARROW.has(character)) {
      total += 31;
    } else if (WIDE.has(character)) {
      total += 90;
    } else if ((character.codePointAt(0) ?? 0) >= 0x2e80) {
      total += 100;
    } else if (character >= 'A' && character <= 'Z') {
      total += 68;
    } else {
      total += 58;
    }
  }
  return total;
}

/** The width of text in a font of `px` pixels, rounded up. */
export function width(text: string, px: number): number {
  return Math.ceil((ticks(text) * px) / 100);
}

/** The text, cut at its end so that it fits `room` pixels. */
export function cut(text: string, px: number, room: number): string {
  if (width(text, px) <= room) {
    return text;
  }
  const kept = [...text];
  while (kept.length && width(kept.join('') + '…', px) > room) {
    kept.pop();
  }
  return kept.join('').trimEnd() + '…';
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#x27;'
};

/** Text for markup. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, character => ESCAPES[character]);
}
