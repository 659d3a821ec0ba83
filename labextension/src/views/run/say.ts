/** The two functions of a translation bundle that the display needs; without JupyterLab they say English. */
export interface ISay {
  __(text: string, ...values: unknown[]): string;
  _n(one: string, many: string, n: number, ...values: unknown[]): string;
}

const fill = (text: string, values: unknown[]): string =>
  text.replace(/%(\d)/g, (_, index) => String(values[Number(index) - 1] ?? ''));

export const ENGLISH: ISay = {
  __: (text, ...values) => fill(text, values),
  _n: (one, many, n, ...values) => fill(n === 1 ? one : many, values)
};
