// Bundle the display as one ESM file and one stylesheet for anywidget: package data of flowbook.views, checked in, so
// that installing needs no Node. `tests/views/test_widget.py` fails when they are older than their sources.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rspack } from '@rspack/core';

const here = dirname(fileURLToPath(import.meta.url));
const views = join(here, '..', 'kernel_ext', 'flowbook', 'views');
const run = join(here, 'src', 'views', 'run');
const styles = ['tokens.css', 'components.css', 'run.css', 'widget.css'].map(name => join(here, 'style', name));

const hash = createHash('sha256');
for (const file of [...readdirSync(run).sort().map(name => join(run, name)), ...styles]) {
  hash.update(readFileSync(file));
}
const stamp = `/* flowbook, made by labextension/widget.mjs from ${hash.digest('hex')} */\n`;

const compiler = rspack({
  mode: 'production',
  context: here,
  entry: './lib/views/run/widget.js',
  devtool: false,
  output: { path: views, filename: 'widget.js', module: true, library: { type: 'module' } },
  experiments: { outputModule: true },
  performance: { hints: false }
});
const stats = await new Promise((resolve, reject) =>
  compiler.run((error, done) => (error ? reject(error) : resolve(done)))
);
if (stats.hasErrors()) {
  console.error(stats.toString('errors-only'));
  process.exit(1);
}
const out = join(views, 'widget.js');
writeFileSync(`${out}.new`, stamp + readFileSync(out, 'utf8'));
renameSync(`${out}.new`, out);
const css = styles.map(file => readFileSync(file, 'utf8').trim()).join('\n\n');
writeFileSync(join(views, 'widget.css'), `${stamp}${css}\n`);
