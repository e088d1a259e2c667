import type { Mask } from '@hoop/core/gate';
import type { OwedQueue, Statement } from './books.ts';
import { Cells } from './cells.ts';
import type { Columns } from './columns.ts';
import { HEADER_BYTES, joinPayload, payloadLength, wholePayload } from './frame.ts';
import { type Hides, hidesOf } from './hushing.ts';
import { HELD_BYTES_MAX } from './limits.ts';
import { masked, retell } from './masking.ts';
import type { Walk } from './walk.ts';

/**
 * The texts of a chunk that a mask is about to see, for one that asks somebody else about them: all of them at once, because every
 * question takes a while. It goes ahead of the answers with a walk of its own and changes nothing.
 */
export function gatherTexts(chunk: Buffer, start: number, mask: Mask, walk: Walk, owed: OwedQueue, hidesNow: Hides): Buffer[] {
  const texts: Buffer[] = [];
  const keep = (text: Buffer): Buffer => {
    texts.push(text);
    return text;
  };
  const gathering: Mask = { suspects: (bytes) => mask.suspects(bytes), apply: keep };
  /** What a cursor's columns are, where they came in this very chunk. */
  const opened = new Map<Statement, Columns>();
  // What is hidden whole is nobody's to look at.
  let hides = untold(hidesNow);
  let index = 0;
  for (let at = start; at + HEADER_BYTES <= chunk.length; ) {
    const entry = owed.at(index);
    if (!entry) break;
    if (walk.isOver) {
      walk.begin(entry);
      walk.columns = (entry.kind === 'fetch' && entry.statement && opened.get(entry.statement)) || walk.columns;
      hides = entry.kind === 'fetch' ? untold(hidesOf(entry.permit?.answer, walk.columns, entry.statement, false)) : undefined;
    }
    const length = payloadLength(chunk, at);
    const isRow = walk.isRow(chunk[at + HEADER_BYTES], length);
    const total = isRow ? wholePayload(chunk, at, HELD_BYTES_MAX) : HEADER_BYTES + length;
    if (at + total > chunk.length || total > HELD_BYTES_MAX) break;
    const payload = joinPayload(chunk.subarray(at, at + total));
    if (isRow) {
      walk.row(0);
      new Cells({ mask: gathering, hides, counts: {} }, walk.columns, entry.statement !== undefined).shown(payload);
    } else {
      const kind = walk.next(payload);
      retell(kind, payload, masked(gathering, {}));
      if (kind === 'columns-end') {
        hides = untold(hidesOf(entry.permit?.answer, walk.columns, entry.statement, false));
        if (entry.statement) opened.set(entry.statement, walk.columns);
      }
    }
    if (walk.isOver) index++;
    at += total;
  }
  return texts;
}

function untold(hides: Hides): Hides {
  return hides?.map((hide) => hide && ((value) => value));
}
