import type { AnswerRules } from '@hoop/core/answer';
import type { Mask, MaskCounts } from '@hoop/core/gate';
import { encodeMessage, Fields, u32 } from '../messages.ts';
import { encodeDenied, LENGTH_BYTES, packetLength, SFTP } from './packet.ts';

/** What hides and forbids. */
export interface Guards {
  readonly mask: Mask | undefined;
  readonly forbids: AnswerRules['forbids'];
}

const NOTHING = Buffer.alloc(0);

/** Why files are not read here. */
export const FILES_ARE_NOT_SHOWN =
  'Files of this connection cannot be read over SFTP, because its rules look at what is shown and files must arrive as they are; use a command that shows them, such as cat';

/**
 * The answers of an SFTP server where values are hidden or forbidden: names and words are masked, and what a file holds does not
 * pass at all, because a file that arrived changed would be a broken one. Works on whole packets.
 */
export class AnswerGuard {
  #held: Buffer = NOTHING;

  /** Another one in the same state, to try something on. */
  copy(): AnswerGuard {
    const other = new AnswerGuard();
    other.#held = this.#held;
    return other;
  }

  /** Whole packets for the client. @throws PeerFault on what is not SFTP */
  push(bytes: Buffer, guards: Guards, counts: MaskCounts): Buffer {
    const whole = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const passed: Buffer[] = [];
    let at = 0;
    while (whole.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + packetLength(whole, at);
      if (end > whole.length) break;
      passed.push(guarded(whole.subarray(at, end), guards, counts));
      at = end;
    }
    this.#held = Buffer.from(whole.subarray(at));
    return Buffer.concat(passed);
  }
}

function guarded(packet: Buffer, guards: Guards, counts: MaskCounts): Buffer {
  const body = packet.subarray(LENGTH_BYTES);
  const type = body[0] ?? 0;
  if (type === SFTP.version || type === SFTP.handle) return packet;
  const fields = new Fields(body, 1);
  const id = fields.u32();
  if (type === SFTP.data) return encodeDenied(id, FILES_ARE_NOT_SHOWN);
  const hidden = new Texts(guards, counts);
  const shown = shownBody(type, id, fields, body, hidden);
  if (hidden.denial !== undefined) return encodeDenied(id, hidden.denial);
  // What is not known cannot be put together again, and passes only when there is nothing in it to hide.
  if (shown === undefined) return encodeDenied(id, 'The answer holds something that is hidden on this connection');
  return shown === body ? packet : Buffer.concat([u32(shown.length), shown]);
}

function shownBody(type: number, id: number, fields: Fields, body: Buffer, texts: Texts): Buffer | undefined {
  if (type === SFTP.status) {
    const code = fields.u32();
    // The first versions of the protocol have no words here.
    return fields.left === 0 ? body : encodeMessage(type, id, code, texts.shown(fields.bytes()), '');
  }
  if (type !== SFTP.name) return texts.shown(body) === body ? body : undefined;
  const parts: Buffer[] = [];
  const count = fields.u32();
  for (let index = 0; index < count; index++) {
    const name = texts.shown(fields.bytes());
    const long = texts.shown(fields.bytes());
    const attributesAt = fields.at;
    skipAttributes(fields);
    parts.push(u32(name.length), name, u32(long.length), long, body.subarray(attributesAt, fields.at));
  }
  return Buffer.concat([encodeMessage(type, id, count), ...parts]);
}

/** Texts of one answer, as they may be shown. */
class Texts {
  readonly #guards: Guards;
  readonly #counts: MaskCounts;
  denial: string | undefined;

  constructor(guards: Guards, counts: MaskCounts) {
    this.#guards = guards;
    this.#counts = counts;
  }

  shown(text: Buffer): Buffer {
    const { mask, forbids } = this.#guards;
    this.denial ??= forbids?.(text)?.message;
    return mask?.suspects(text) ? mask.apply(text, this.#counts) : text;
  }
}

const HAS_SIZE = 0x01;
const HAS_OWNER = 0x02;
const HAS_MODE = 0x04;
const HAS_TIMES = 0x08;
const HAS_MORE = 0x8000_0000;

/** (draft-ietf-secsh-filexfer-02, section 5) */
function skipAttributes(fields: Fields): void {
  const flags = fields.u32();
  if (flags & HAS_SIZE) fields.u64();
  if (flags & HAS_OWNER) fields.u64();
  if (flags & HAS_MODE) fields.u32();
  if (flags & HAS_TIMES) fields.u64();
  if ((flags & HAS_MORE) === 0) return;
  for (let left = fields.u32(); left > 0; left--) {
    fields.bytes();
    fields.bytes();
  }
}
