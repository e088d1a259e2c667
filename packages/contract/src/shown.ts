/** Which of a command's two outputs, or what goes to it, as a byte. */
const STREAMS = ['stdout', 'stderr', 'stdin'] as const;

/** In front of the bytes: `u8 stream | u32 action | u16 columns | u16 rows`, big endian; a size of 0 is none. */
const HEADER_BYTES = 9;

/** A terminal of more columns or rows is recorded as one of these many. */
const CELLS_MAX = 0xffff;

/** What a terminal inside of a session is about to show: the payload of the tunnel's frame `shown`, and of the record of it. */
export interface ShownPiece {
  readonly stream: (typeof STREAMS)[number];
  /** The action that started what shows it. */
  readonly seq: number;
  /** As the client gets it. */
  readonly bytes: Uint8Array;
  /** The terminal has this size from here on. */
  readonly size?: { readonly columns: number; readonly rows: number };
}

/** Writes one piece. */
export function encodeShown({ stream, seq, bytes, size }: ShownPiece): Uint8Array {
  const payload = new Uint8Array(HEADER_BYTES + bytes.length);
  const view = new DataView(payload.buffer);
  view.setUint8(0, STREAMS.indexOf(stream));
  view.setUint32(1, seq);
  view.setUint16(5, Math.min(size?.columns ?? 0, CELLS_MAX));
  view.setUint16(7, Math.min(size?.rows ?? 0, CELLS_MAX));
  payload.set(bytes, HEADER_BYTES);
  return payload;
}

/** Reads one piece; undefined when it is none. Its bytes are a part of `payload`. */
export function decodeShown(payload: Uint8Array): ShownPiece | undefined {
  const stream = STREAMS[payload[0] ?? STREAMS.length];
  if (payload.length < HEADER_BYTES || stream === undefined) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const [columns, rows] = [view.getUint16(5), view.getUint16(7)];
  return {
    stream,
    seq: view.getUint32(1),
    bytes: payload.subarray(HEADER_BYTES),
    ...(columns > 0 && rows > 0 ? { size: { columns, rows } } : {}),
  };
}
