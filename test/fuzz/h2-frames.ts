import { FLAG, FRAME, h2Frame, headOf } from '@hoop/core/testing/h2-bytes';
import type { Dice } from './fuzzer.ts';

/** One frame of a few streams: most often a request or a piece of one, else whatever there is. */
export function anyH2Frame(dice: Dice, fields: () => Readonly<Record<string, string>>, body: () => Buffer): Buffer {
  const stream = dice.pick([1, 3, 5, 7, 0, 2]);
  const word = Buffer.alloc(4);
  word.writeUInt32BE(dice.pick([0, 1, 8, 65_535, 2 ** 31 - 1, 2 ** 32 - 1]));
  return dice.pick([
    () => h2Frame(FRAME.headers, dice.pick([FLAG.endHeaders, FLAG.endHeaders | FLAG.endStream, 0]), stream, headOf(fields())),
    () => h2Frame(FRAME.headers, FLAG.endHeaders, stream, headOf(fields())),
    () => h2Frame(FRAME.data, dice.number(2), stream, body()),
    () => h2Frame(FRAME.reset, 0, stream, word),
    () => h2Frame(FRAME.settings, 0, 0, Buffer.concat([Buffer.from([0, 1 + dice.number(6)]), word])),
    () => h2Frame(FRAME.ping, dice.number(2), 0, dice.bytes(8)),
    () => h2Frame(FRAME.goaway, 0, 0, Buffer.concat([Buffer.alloc(4), word])),
    () => h2Frame(FRAME.windowUpdate, 0, dice.pick([0, stream]), word),
    () => h2Frame(dice.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), dice.number(256), stream, dice.bytes(dice.number(20))),
  ])();
}
