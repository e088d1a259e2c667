import type { Dice } from './fuzzer.ts';

/** How a connection of HTTP/2 begins, with settings that change nothing. (RFC 9113, section 3.4) */
export const H2_START = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), h2Frame(4, 0, 0, Buffer.alloc(0))]);

const END_HEADERS = 4;
const END_STREAM = 1;

function h2Frame(type: number, flags: number, stream: number, bytes: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

/** A head without Huffman codes and tables. (RFC 7541, section 6.2.2) */
function headOf(fields: Readonly<Record<string, string>>): Buffer {
  const text = (word: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(word)]), Buffer.from(word)]);
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** One frame of a few streams: most often a request or a piece of one, else whatever there is. */
export function anyH2Frame(dice: Dice, fields: () => Readonly<Record<string, string>>, body: () => Buffer): Buffer {
  const stream = dice.pick([1, 3, 5, 7, 0, 2]);
  const word = Buffer.alloc(4);
  word.writeUInt32BE(dice.pick([0, 1, 8, 65_535, 2 ** 31 - 1, 2 ** 32 - 1]));
  return dice.pick([
    () => h2Frame(1, dice.pick([END_HEADERS, END_HEADERS | END_STREAM, 0]), stream, headOf(fields())),
    () => h2Frame(1, END_HEADERS, stream, headOf(fields())),
    () => h2Frame(0, dice.number(2), stream, body()),
    () => h2Frame(3, 0, stream, word),
    () => h2Frame(4, 0, 0, Buffer.concat([Buffer.from([0, 1 + dice.number(6)]), word])),
    () => h2Frame(6, dice.number(2), 0, dice.bytes(8)),
    () => h2Frame(7, 0, 0, Buffer.concat([Buffer.alloc(4), word])),
    () => h2Frame(8, 0, dice.pick([0, stream]), word),
    () => h2Frame(dice.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), dice.number(256), stream, dice.bytes(dice.number(20))),
  ])();
}
