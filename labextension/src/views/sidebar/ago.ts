import type { TranslationBundle } from '@jupyterlab/translation';

/** `now`, `5 min ago`, `14:15`, `yesterday`, `Mon`, `3 Oct`. */
export function ago(at: number | undefined, now: number, trans: TranslationBundle): string {
  if (at === undefined) {
    return '';
  }
  const minutes = Math.floor((now - at) / 60_000);
  if (minutes < 1) {
    return trans.__('now');
  }
  if (minutes < 60) {
    return trans.__('%1 min ago', minutes);
  }
  const date = new Date(at);
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) {
    return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  }
  if (days === 1) {
    return trans.__('yesterday');
  }
  return date.toLocaleDateString([], days < 7 ? { weekday: 'short' } : { day: 'numeric', month: 'short' });
}
