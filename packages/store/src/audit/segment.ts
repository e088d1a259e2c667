import { hash as hashOnce } from 'node:crypto';
import { crc32 } from 'node:zlib';

/**
 * The audit log's file format. A segment is a run of batches; a batch is what one write put there:
 *
 *   batch   "HAB1" | u32 body bytes | u32 records | 32 bytes hash of the batch before | 32 bytes hash of this one | body
 *   record  u32 payload bytes | u32 crc32 of what follows | f64 at_ms | u32 segment, u32 offset of the session's record before (0, 0: none)
 *           | 16 bytes session | payload (JSON)
 *
 * A batch's hash covers all of it, with the hash before it and zeros in its own place: a flipped, dropped, swapped or cut record breaks the chain there.
 * A session's records point backwards, so a session is read without an index and without reading the others.
 */
export const BATCH_MAGIC = 0x31424148;
export const BATCH_HEADER_BYTES = 4 + 4 + 4 + 32 + 32;
export const RECORD_HEADER_BYTES = 4 + 4 + 8 + 4 + 4 + 16;
export const GENESIS = Buffer.alloc(32);

/** Where a record is. Segments count from 1, so that segment 0 means nowhere. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export const NOWHERE: Position = Object.freeze({ segment: 0, offset: 0 });

export interface StoredRecord {
  readonly position: Position;
  readonly previous: Position;
  readonly at_ms: number;
  readonly session: string;
  readonly payload: Buffer;
}

/** Writes one record at `at`; returns where the next one starts. */
export function writeRecord(
  target: Buffer,
  at: number,
  record: { at_ms: number; previous: Position; session: Buffer; payload: Buffer },
): number {
  const end = at + RECORD_HEADER_BYTES + record.payload.length;
  target.writeUInt32LE(record.payload.length, at);
  target.writeDoubleLE(record.at_ms, at + 8);
  target.writeUInt32LE(record.previous.segment, at + 16);
  target.writeUInt32LE(record.previous.offset, at + 20);
  target.set(record.session, at + 24);
  target.set(record.payload, at + RECORD_HEADER_BYTES);
  target.writeUInt32LE(crc32(target.subarray(at + 8, end)), at + 4);
  return end;
}

/** The record at `at`, or undefined where there is none or it is damaged. `base` is where the buffer starts in its segment. */
export function readRecord(source: Buffer, at: number, segment: number, base: number): StoredRecord | undefined {
  if (at + RECORD_HEADER_BYTES > source.length) return undefined;
  const payloadBytes = source.readUInt32LE(at);
  const end = at + RECORD_HEADER_BYTES + payloadBytes;
  if (end > source.length || source.readUInt32LE(at + 4) !== crc32(source.subarray(at + 8, end))) return undefined;
  return {
    position: { segment, offset: base + at },
    previous: { segment: source.readUInt32LE(at + 16), offset: source.readUInt32LE(at + 20) },
    at_ms: source.readDoubleLE(at + 8),
    session: sessionFromBytes(source.subarray(at + 24, at + 40)),
    payload: source.subarray(at + RECORD_HEADER_BYTES, end),
  };
}

/** Fills in the header of a batch whose body is already in place; returns its hash. */
export function sealBatch(batch: Buffer, records: number, previousHash: Buffer): Buffer {
  batch.writeUInt32LE(BATCH_MAGIC, 0);
  batch.writeUInt32LE(batch.length - BATCH_HEADER_BYTES, 4);
  batch.writeUInt32LE(records, 8);
  batch.set(previousHash, 12);
  batch.fill(0, HASH_AT, BATCH_HEADER_BYTES);
  const hash = hashOnce('sha256', batch, 'buffer');
  batch.set(hash, HASH_AT);
  return hash;
}

export interface BatchHeader {
  readonly bodyBytes: number;
  readonly records: number;
  readonly previousHash: Buffer;
  readonly hash: Buffer;
}

/** The header at the start of `source`, or undefined where it is not one. */
export function readBatchHeader(source: Buffer): BatchHeader | undefined {
  if (source.length < BATCH_HEADER_BYTES || source.readUInt32LE(0) !== BATCH_MAGIC) return undefined;
  return {
    bodyBytes: source.readUInt32LE(4),
    records: source.readUInt32LE(8),
    previousHash: Buffer.from(source.subarray(12, 44)),
    hash: Buffer.from(source.subarray(44, 76)),
  };
}

/** Whether a whole batch is what its hash says. */
export function isSound(batch: Buffer, header: BatchHeader): boolean {
  const copy = Buffer.from(batch);
  copy.fill(0, HASH_AT, BATCH_HEADER_BYTES);
  return hashOnce('sha256', copy, 'buffer').equals(header.hash);
}

/** The hash covers the whole batch, with zeros in its own place. */
const HASH_AT = 44;

export function sessionToBytes(session: string): Buffer {
  const bytes = Buffer.from(session.replaceAll('-', ''), 'hex');
  if (bytes.length !== 16) throw new TypeError(`A session id is a UUID, not ${JSON.stringify(session)}`);
  return bytes;
}

export function sessionFromBytes(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
