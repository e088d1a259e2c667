import fs from 'node:fs';
import path from 'node:path';
import { Bug } from '@hoop/core/errors';
import {
  BATCH_HEADER_BYTES,
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
  readonly reason: 'torn' | 'chain' | 'hash' | 'record';
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
      if (bytes.length < BATCH_HEADER_BYTES + header.bodyBytes) return result({ segment, offset, reason: 'torn' });
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
function isZero(file: number, from: number, to: number): boolean {
  for (let at = from; at < to; at += ZERO_PIECE_BYTES) {
    const piece = readAt(file, at, Math.min(ZERO_PIECE_BYTES, to - at));
    if (!piece.equals(ZERO_PIECE.subarray(0, piece.length))) return false;
  }
  return true;
}

const ZERO_PIECE_BYTES = 1024 * 1024;
const ZERO_PIECE = Buffer.alloc(ZERO_PIECE_BYTES);

function readAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  const read = fs.readSync(file, bytes, 0, length, offset);
  return bytes.subarray(0, read);
}

/** Checks the whole log from its first batch. Returns the first damage, or undefined when every record is what was written. */
export function verifyLog(directory: string): { damage: Damage | undefined; batches: number; records: number } {
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
