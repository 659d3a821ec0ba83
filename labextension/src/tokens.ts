/** What other extensions and our own plugins may ask for. */
export const COMMANDS = {
  /** Open the sidebar; `id` selects an execution. */
  reveal: 'flowbook:reveal',
  /** Open a failed notebook on its parked kernel: `execution`, `task`; by default those of the notebook in front. */
  openLive: 'flowbook:open-in-live-kernel',
  /** Go on with it: `execution`, `task`, `cell`; by default from the cell that failed. */
  goOn: 'flowbook:continue'
};
