const HEAD_BYTES = 9;

/** Frames of HTTP/2 by their number. (RFC 9113, section 6) */
export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;

export const FLAG = { endStream: 1, endHeaders: 4 } as const;

/** One frame, whether it makes sense or not. (RFC 9113, section 4.1) */
export function h2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A head without Huffman codes and tables. (RFC 7541, section 6.2.2) */
export function headOf(fields: Readonly<Record<string, string>>): Buffer {
  const text = (word: string): Buffer => Buffer.concat([Buffer.from([Buffer.byteLength(word)]), Buffer.from(word)]);
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** How a connection of HTTP/2 begins, with settings that change nothing. (RFC 9113, section 3.4) */
export const H2_START = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), h2Frame(FRAME.settings, 0, 0, Buffer.alloc(0))]);
