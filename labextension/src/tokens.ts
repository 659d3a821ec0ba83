/** What other extensions and our own plugins may ask for. */
export const COMMANDS = {
  /** Open the sidebar; `id` selects an execution. */
  reveal: 'flowbook:reveal'
};
