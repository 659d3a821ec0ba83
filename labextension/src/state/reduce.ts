import type { IMessage } from '../api/stream';
import { fromRow } from './board';
import type { IBoard } from './board';

/** Fold all messages since the last frame into the board, in one copy; a message holds every row of one commit. */
export function reduce(board: IBoard, messages: readonly IMessage[]): IBoard {
  const fresh = messages.filter(message => message.seq > board.seq);
  if (fresh.length === 0) {
    return board;
  }
  const executions = new Map(board.executions);
  for (const { rows } of fresh) {
    rows.executions?.map(fromRow).forEach(row => executions.set(row.id, row));
  }
  return { ...board, seq: fresh[fresh.length - 1].seq, executions };
}
