import type { IMessage } from '../api/stream';
import { fromRow } from './board';
import type { IBoard } from './board';

/** Fold all messages since the last frame into the board, in one copy; a message holds every row of one commit. */
export function reduce(board: IBoard, messages: readonly IMessage[]): IBoard {
  const fresh = messages.filter(message => message.seq > board.seq);
  const standing = messages.flatMap(message => message.rows.progress ?? []); // no commit, so without a number of its own
  if (fresh.length === 0 && standing.length === 0) {
    return board;
  }
  const progress = new Map(board.progress);
  standing.forEach(one => progress.set(one.execution_id, one));
  const executions = new Map(board.executions);
  for (const { rows } of fresh) {
    rows.executions?.map(fromRow).forEach(row => executions.set(row.id, row));
  }
  return { ...board, seq: Math.max(board.seq, ...fresh.map(message => message.seq)), executions, progress };
}
