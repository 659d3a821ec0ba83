import { continuing } from './plugins/continuing';
import { editor } from './plugins/editor';
import { executed } from './plugins/executed';
import { run } from './plugins/run';
import { sidebar } from './plugins/sidebar';

export default [run, editor, sidebar, continuing, executed];
