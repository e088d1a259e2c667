import { hash as digestOf } from 'node:crypto';
import { asAppError } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import type { Finding } from '@hoop/policy/detectors/search';
import type { Remote, RemoteLook } from '@hoop/policy/remote';
import { type Patience, PresidioClient, type Recognized } from './client.ts';
import {
  ANSWERS_MAX,
  BATCH_BYTES_MAX,
  BATCH_TEXTS_MAX,
  PIECE_BYTES_MAX,
  PIECE_OVERLAP_BYTES,
  PREPARE_MS_MAX,
  PREPARED_MAX,
  TEXT_BYTES_MAX,
} from './limits.ts';
import { Recent } from './recent.ts';
import { characterStart, spelled } from './spans.ts';

/** A text, or a piece of a long one, that is to be asked about. */
interface Piece {
  readonly key: string;
  readonly bytes: Buffer;
  /** Where it begins in its text. */
  readonly from: number;
}

/** How often a failing server is told of in the log. */
const WARNING_MS = 10_000;

/**
 * Finds entities with a Presidio server. Texts are asked about in batches; the answers are kept for a while, for all sessions of this
 * process, without the texts.
 */
export class Presidio implements Remote {
  readonly #client: PresidioClient;
  readonly #log: Log;
  readonly #answers = new Recent<readonly Finding[]>(ANSWERS_MAX);
  #warnAgainAt = 0;

  constructor(url: string, log: Log, patience?: Patience) {
    this.#client = new PresidioClient(url, patience);
    this.#log = log;
  }

  look(entities: readonly string[], threshold: number): RemoteLook {
    const asked = [...entities].sort();
    const question = `${asked.join()} ${threshold} `;
    const prepared = new Recent<readonly Finding[]>(PREPARED_MAX);
    const keyOf = (text: Buffer): string => question + digestOf('sha256', text, 'base64');
    return {
      found: (text) => prepared.get(keyOf(text)),
      prepare: async (texts) => {
        const unknown = new Map<string, Buffer>();
        for (const text of texts) {
          const key = keyOf(text);
          const known = this.#answers.get(key);
          if (known) prepared.set(key, known);
          else if (text.length <= TEXT_BYTES_MAX) unknown.set(key, text);
        }
        for (const [key, findings] of await this.#ask(unknown, asked, threshold)) {
          prepared.set(key, findings);
          this.#answers.set(key, findings);
        }
      },
    };
  }

  /** What is known afterwards; a text of which a piece was not answered is not in it. */
  async #ask(texts: ReadonlyMap<string, Buffer>, entities: readonly string[], threshold: number): Promise<Map<string, Finding[]>> {
    const found = new Map<string, Finding[]>();
    if (texts.size === 0) return found;
    const signal = AbortSignal.timeout(PREPARE_MS_MAX);
    const failed = new Set<string>();
    for (const key of texts.keys()) found.set(key, []);
    const asking = batchesOf(texts).map(async (batch) => {
      try {
        const spellings = batch.map(({ bytes }) => spelled(bytes));
        const answers = await this.#client.analyze(
          spellings.map(({ text }) => text),
          entities,
          threshold,
          signal,
        );
        for (const [index, { key, from, bytes }] of batch.entries()) {
          const byteAt = spellings[index]?.byteAt ?? ((character: number) => character);
          found.get(key)?.push(...findingsOf(answers[index] ?? [], byteAt, from, bytes.length));
        }
      } catch (error) {
        this.#warn(error);
        for (const { key } of batch) failed.add(key);
      }
    });
    await Promise.all(asking);
    for (const key of failed) found.delete(key);
    return found;
  }

  #warn(error: unknown): void {
    const now = performance.now();
    if (now < this.#warnAgainAt) return;
    this.#warnAgainAt = now + WARNING_MS;
    const { code, message } = asAppError(error);
    this.#log.warn({ code }, `${message}. What it was to be asked about counts as not looked at`);
  }
}

function batchesOf(texts: ReadonlyMap<string, Buffer>): Piece[][] {
  const batches: Piece[][] = [];
  let batch: Piece[] = [];
  let bytes = 0;
  for (const [key, text] of texts) {
    for (const piece of piecesOf(key, text)) {
      if (batch.length >= BATCH_TEXTS_MAX || (bytes > 0 && bytes + piece.bytes.length > BATCH_BYTES_MAX)) {
        batches.push(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(piece);
      bytes += piece.bytes.length;
    }
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function piecesOf(key: string, text: Buffer): Piece[] {
  const pieces: Piece[] = [];
  for (let from = 0; from < text.length; ) {
    const end = from + PIECE_BYTES_MAX >= text.length ? text.length : characterStart(text, from + PIECE_BYTES_MAX);
    pieces.push({ key, bytes: text.subarray(from, end), from });
    if (end === text.length) break;
    from = characterStart(text, end - PIECE_OVERLAP_BYTES);
  }
  return pieces;
}

/** In bytes of the whole text. What points out of it or nowhere hides all of the piece: something is there. */
function findingsOf(answer: readonly Recognized[], byteAt: (character: number) => number, from: number, length: number): Finding[] {
  return answer.map(({ entity_type: entity, start, end, score }) => {
    const [first, last] = [Math.min(byteAt(start), length), Math.min(byteAt(end), length)];
    return first < last ? { entity, from: from + first, to: from + last, score } : { entity, from, to: from + length, score };
  });
}
