import { TargetFault } from '@hoop/core/errors';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { encodePacket, HEADER_BYTES, PAYLOAD_BYTES_MAX } from './frame.ts';
import { Fields, lenencBytes } from './messages/fields.ts';
import { decodeOk } from './messages/result.ts';
import { binarySize, decodeTextRow, isNullInBitmap, mayHoldText, NULL_CELL } from './messages/row.ts';

/** A mask for the packets of one result. Each gives the packet itself when nothing in it had to be hidden. @throws PeerFault `bad_message` */
export class PacketMask {
  readonly #mask: Mask;
  readonly #counts: MaskCounts;

  constructor(mask: Mask, counts: MaskCounts) {
    this.#mask = mask;
    this.#counts = counts;
  }

  /** Cells of columns that may hold text. (MySQL Internals, "ProtocolText::ResultsetRow") */
  textRow(packet: Buffer, types: readonly number[]): Buffer {
    let changed = false;
    const parts = decodeTextRow(packet.subarray(HEADER_BYTES)).map((cell, index) => {
      if (cell === null) return NULL;
      const shown = mayHoldText(types[index] ?? -1) ? this.#value(cell) : cell;
      changed ||= shown !== cell;
      return lenencBytes(shown);
    });
    return changed ? again(packet, parts) : packet;
  }

  /** The same in the binary format. (MySQL Internals, "Binary Protocol Resultset Row") */
  binaryRow(packet: Buffer, types: readonly number[]): Buffer {
    const fields = new Fields(packet, HEADER_BYTES);
    const head = fields.bytes(1 + ((types.length + BITMAP_OFFSET + 7) >>> 3));
    const bitmap = head.subarray(1);
    const parts: Buffer[] = [head];
    let changed = false;
    types.forEach((type, index) => {
      if (isNullInBitmap(bitmap, index, BITMAP_OFFSET)) return;
      const size = binarySize(type);
      if (size === 'lenenc') {
        const cell = fields.lenencBytes();
        const shown = mayHoldText(type) ? this.#value(cell) : cell;
        changed ||= shown !== cell;
        parts.push(lenencBytes(shown));
      } else if (size === 'timed') {
        const length = fields.bytes(1);
        parts.push(length, fields.bytes(length[0] ?? 0));
      } else parts.push(fields.bytes(size));
    });
    return changed ? again(packet, parts) : packet;
  }

  /** The message of an error, which may quote a value. */
  error(packet: Buffer): Buffer {
    const body = packet.subarray(HEADER_BYTES);
    // 0xff, code, and with a state `#` and five characters.
    const from = body[3] === STATE_MARK ? 9 : 3;
    const message = body.subarray(from);
    const shown = this.#value(message);
    return shown === message ? packet : again(packet, [body.subarray(0, from), shown]);
  }

  /** The text of an OK. */
  ok(packet: Buffer): Buffer {
    const body = packet.subarray(HEADER_BYTES);
    const { infoAt } = decodeOk(body);
    const info = body.subarray(infoAt);
    // Servers write it with its length in front; the manual has it without.
    const inner = info.subarray(info[0] === 0xfc ? 3 : 1);
    const isPrefixed = info.length > 0 && lenencBytes(inner).equals(info);
    const text = isPrefixed ? inner : info;
    const shown = this.#value(text);
    return shown === text ? packet : again(packet, [body.subarray(0, infoAt), isPrefixed ? lenencBytes(shown) : shown]);
  }

  /** Names in a column definition, and the default behind it: a name may be made of data. */
  column(packet: Buffer): Buffer {
    const fields = new Fields(packet, HEADER_BYTES);
    let changed = false;
    const parts: Buffer[] = [];
    for (let name = 0; name < NAMES_OF_COLUMN; name++) {
      const value = fields.lenencBytes();
      const shown = this.#value(value);
      changed ||= shown !== value;
      parts.push(lenencBytes(shown));
    }
    const tail = fields.bytes(Math.min(fields.left, COLUMN_TAIL_BYTES));
    const rest = fields.rest();
    const shown = rest.length > 0 ? this.#value(rest) : rest;
    return changed || shown !== rest ? again(packet, [...parts, tail, shown]) : packet;
  }

  #value(value: Buffer): Buffer {
    return this.#mask.suspects(value) ? this.#mask.apply(value, this.#counts) : value;
  }
}

const NULL = Buffer.from([NULL_CELL]);
const STATE_MARK = 0x23;

/** The NULL bitmap of a binary row leaves its first two bits out. */
const BITMAP_OFFSET = 2;

/** Catalog, schema, table, original table, name, original name. */
const NAMES_OF_COLUMN = 6;
const COLUMN_TAIL_BYTES = 13;

/** The same packet with another payload. */
function again(packet: Buffer, parts: readonly Buffer[]): Buffer {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  // One packet more would make all sequence numbers behind it wrong.
  if (bytes >= PAYLOAD_BYTES_MAX) {
    throw new TargetFault('message_too_large', `A row of ${bytes} bytes cannot be masked; the limit is ${PAYLOAD_BYTES_MAX - 1}`);
  }
  return encodePacket(packet[3] ?? 0, ...parts);
}
