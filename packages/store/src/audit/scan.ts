import fs from 'node:fs';
import path from 'node:path';
import { Bug } from '@hoop/core/errors';
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  type BatchHeader,
  GENESIS,
  isSound,
  type Position,
  RECORD_HEADER_BYTES,
  readBatchHeader,
  readRecord,
  type StoredRecord,
} from './segment.ts';

/** No batch is larger: what claims to be is damage. A batch holds at least one record, and a record at most one frame of the tunnel. */
export const BATCH_BODY_BYTES_MAX = 64 * 1024 * 1024;

export interface ScannedBatch {
  readonly segment: number;
  readonly offset: number;
  readonly header: BatchHeader;
  readonly records: readonly StoredRecord[];
}

/** Where and why a log stops being what was written. */
export interface Damage {
  readonly segment: number;
  readonly offset: number;
  /** `missing`: the log is sound, and something that was in it is not any more. */
  readonly reason: 'torn' | 'chain' | 'hash' | 'record' | 'missing';
}

export function segmentPath(directory: string, segment: number): string {
  return path.join(directory, `audit-${String(segment).padStart(8, '0')}.log`);
}

/** Numbers of the segments that are there, ascending. */
export function listSegments(directory: string): number[] {
  const numbers = fs.readdirSync(directory).flatMap((name) => {
    const match = /^audit-(\d{8})\.log$/.exec(name);
    return match ? [Number(match[1])] : [];
  });
  return numbers.sort((a, b) => a - b);
}

/**
 * Walks a segment batch by batch. Returns the damage that stopped it, or undefined at a clean end.
 * `previousHash` undefined: the first batch's own word is taken for it (when a scan starts in the middle of the log).
 */
export function scanSegment(
  directory: string,
  segment: number,
  previousHash: Buffer | undefined,
  onBatch: (batch: ScannedBatch) => void,
): { damage: Damage | undefined; hash: Buffer; end: number; batches: number } {
  const file = fs.openSync(segmentPath(directory, segment), 'r');
  try {
    const size = fs.fstatSync(file).size;
    let offset = 0;
    let batches = 0;
    let expected = previousHash;
    const result = (damage?: Damage) => ({ damage, hash: expected ?? GENESIS, end: offset, batches });
    // Damage with nothing but zeros behind it is what a power cut leaves of a batch that was never acknowledged.
    const stop = (reason: Damage['reason'], bytes: number) =>
      result({ segment, offset, reason: isZero(file, offset + bytes, size) ? 'torn' : reason });
    while (offset < size) {
      const start = readAt(file, offset, BATCH_HEADER_BYTES);
      const header = readBatchHeader(start);
      if (!header && isZero(file, offset, size)) break;
      if (!header || header.bodyBytes > BATCH_BODY_BYTES_MAX) return stop('record', BATCH_HEADER_BYTES);
      const bytes = readAt(file, offset, BATCH_HEADER_BYTES + header.bodyBytes);
      if (bytes.length < BATCH_HEADER_BYTES + header.bodyBytes) {
        // A batch that ends behind the file was torn, unless another one follows: then somebody made it look longer.
        return result({ segment, offset, reason: holdsBatch(file, offset + 1, size) ? 'record' : 'torn' });
      }
      if (expected && !header.previousHash.equals(expected)) return stop('chain', bytes.length);
      const records = recordsOf(bytes, header, segment, offset);
      if (!isSound(bytes, header)) return stop(records ? 'hash' : 'record', bytes.length);
      if (!records) return stop('record', bytes.length);
      onBatch({ segment, offset, header, records });
      expected = header.hash;
      offset += bytes.length;
      batches++;
    }
    return result();
  } finally {
    fs.closeSync(file);
  }
}

function recordsOf(batch: Buffer, header: BatchHeader, segment: number, base: number): StoredRecord[] | undefined {
  const records: StoredRecord[] = [];
  let at = BATCH_HEADER_BYTES;
  for (let count = 0; count < header.records; count++) {
    const record = readRecord(batch, at, segment, base);
    if (!record) return undefined;
    records.push(record);
    at += RECORD_HEADER_BYTES + record.payload.length;
  }
  return at === batch.length ? records : undefined;
}

/** Whether a file holds only zeros from here on: it is filled ahead of what is written. */
export function isZero(file: number, from: number, to: number): boolean {
  for (let at = from; at < to; at += ZERO_PIECE_BYTES) {
    const piece = readAt(file, at, Math.min(ZERO_PIECE_BYTES, to - at));
    if (!piece.equals(ZERO_PIECE.subarray(0, piece.length))) return false;
  }
  return true;
}

/** Whether there is a sound batch anywhere from here on. */
function holdsBatch(file: number, from: number, to: number): boolean {
  const rest = readAt(file, from, to - from);
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(BATCH_MAGIC);
  for (let at = rest.indexOf(magic); at >= 0; at = rest.indexOf(magic, at + 1)) {
    const header = readBatchHeader(rest.subarray(at));
    const batch = header && rest.subarray(at, at + BATCH_HEADER_BYTES + header.bodyBytes);
    if (batch && batch.length === BATCH_HEADER_BYTES + header.bodyBytes && isSound(batch, header)) return true;
  }
  return false;
}

const ZERO_PIECE_BYTES = 1024 * 1024;
const ZERO_PIECE = Buffer.alloc(ZERO_PIECE_BYTES);

export function readAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  const read = fs.readSync(file, bytes, 0, length, offset);
  return bytes.subarray(0, read);
}

export interface Verified {
  /** The first one; undefined when every record is what was written. */
  readonly damage: Damage | undefined;
  readonly batches: number;
  readonly records: number;
}

/** The newest record of a session, as somebody else than the log remembers it. */
export interface KnownHead {
  readonly session: string;
  readonly position: Position;
}

/**
 * Checks the whole log from its first batch. A log that was cut between two batches is sound by itself: only `heads`, such as the
 * store keeps of sessions that are over, show that something is missing at its end.
 */
export function verifyLog(directory: string, heads: Iterable<KnownHead> = []): Verified {
  const chain = verifyChain(directory);
  return chain.damage ? chain : { ...chain, damage: firstMissing(directory, heads) };
}

function firstMissing(directory: string, heads: Iterable<KnownHead>): Damage | undefined {
  const files = new Map<number, number>();
  try {
    const sorted = [...heads].sort((a, b) => a.position.segment - b.position.segment || a.position.offset - b.position.offset);
    const missing = sorted.find(({ session, position }) => !isThere(directory, session, position, files));
    return missing && { ...missing.position, reason: 'missing' };
  } finally {
    for (const file of files.values()) fs.closeSync(file);
  }
}

function isThere(directory: string, session: string, position: Position, files: Map<number, number>): boolean {
  try {
    return readLogRecord(directory, position, files).session === session;
  } catch {
    return false;
  }
}

function verifyChain(directory: string): Verified {
  let batches = 0;
  let records = 0;
  let hash: Buffer = GENESIS;
  let expectedSegment: number | undefined;
  for (const segment of listSegments(directory)) {
    if (expectedSegment !== undefined && segment !== expectedSegment) {
      return { damage: { segment: expectedSegment, offset: 0, reason: 'chain' }, batches, records };
    }
    const scanned = scanSegment(directory, segment, hash, (batch) => {
      batches++;
      records += batch.records.length;
    });
    if (scanned.damage) return { damage: scanned.damage, batches, records };
    hash = scanned.hash;
    expectedSegment = segment + 1;
  }
  return { damage: undefined, batches, records };
}

/** One record by its position. `files` keeps what was opened, for the caller to close. @throws Bug `audit_damaged` */
export function readLogRecord(directory: string, position: Position, files: Map<number, number>): StoredRecord {
  let file = files.get(position.segment);
  if (file === undefined) {
    file = fs.openSync(segmentPath(directory, position.segment), 'r');
    files.set(position.segment, file);
  }
  const start = readAt(file, position.offset, READ_AHEAD_BYTES);
  const bytes = start.length >= 4 ? RECORD_HEADER_BYTES + start.readUInt32LE(0) : 0;
  const whole = bytes > start.length && bytes <= BATCH_BODY_BYTES_MAX ? readAt(file, position.offset, bytes) : start;
  const record = readRecord(whole, 0, position.segment, position.offset);
  if (!record)
    throw new Bug(
      'audit_damaged',
      `The audit log has no sound record in segment ${position.segment} at byte ${position.offset}; verify it`,
    );
  return record;
}

/** Most records fit in one read. */
const READ_AHEAD_BYTES = 1024;
