import fs from 'node:fs';
import { Bug, Refusal } from '@hoop/core/errors';
import { BATCH_BODY_BYTES_MAX, isZero, listSegments, readAt, segmentPath } from './scan.ts';
import { BATCH_HEADER_BYTES, type Position, RECORD_HEADER_BYTES, readBatchHeader, readRecord, type StoredRecord } from './segment.ts';

/** Between two records of the log: the batch that the next one is in, and how many of its records stand before it. */
export interface Place extends Position {
  readonly past: number;
}

/** Some records that follow each other, with the place of the next. */
export interface WalkedRecords {
  readonly records: readonly StoredRecord[];
  readonly next: Place;
  /** What they are in the log. */
  readonly bytes: number;
}

/** A batch may have very many records, which are taken apart a few at a time. */
const RECORDS_AT_A_TIME = 500;

/**
 * The log's records from a place on, oldest first, one batch of bytes in memory at a time. Ends where the log ends now. Records are checked
 * one by one, the chain between batches is not: that is what verifying is for.
 * @throws Refusal `page_out_of_range` when no batch begins at `from`, Bug `audit_damaged`
 */
export function* walkRecords(directory: string, from: Place): Generator<WalkedRecords> {
  for (const segment of listSegments(directory)) {
    if (segment < from.segment) continue;
    const file = fs.openSync(segmentPath(directory, segment), 'r');
    try {
      yield* walkSegment(file, segment, segment === from.segment ? from : { segment, offset: 0, past: 0 });
    } finally {
      fs.closeSync(file);
    }
  }
}

function* walkSegment(file: number, segment: number, from: Place): Generator<WalkedRecords> {
  const { size } = fs.fstatSync(file);
  if (from.offset > size) throw noBatchThere();
  let { offset, past } = from;
  while (offset < size) {
    const header = readBatchHeader(readAt(file, offset, BATCH_HEADER_BYTES));
    if (!header && isZero(file, offset, size)) return;
    if (!header || header.bodyBytes > BATCH_BODY_BYTES_MAX)
      throw offset === from.offset && offset > 0 ? noBatchThere() : damaged(segment, offset);
    const batch = readAt(file, offset, BATCH_HEADER_BYTES + header.bodyBytes);
    yield* walkBatch(batch, { segment, offset, past });
    offset += BATCH_HEADER_BYTES + header.bodyBytes;
    past = 0;
  }
}

function* walkBatch(batch: Buffer, { segment, offset, past }: Place): Generator<WalkedRecords> {
  let at = BATCH_HEADER_BYTES;
  let count = 0;
  while (at < batch.length) {
    const records: StoredRecord[] = [];
    const start = at;
    while (at < batch.length && records.length < RECORDS_AT_A_TIME) {
      const record = readRecord(batch, at, segment, offset);
      if (!record) throw damaged(segment, offset + at);
      at += RECORD_HEADER_BYTES + record.payload.length;
      if (++count > past) records.push(record);
    }
    const next = at < batch.length ? { segment, offset, past: count } : { segment, offset: offset + at, past: 0 };
    if (records.length > 0) yield { records, next, bytes: at - start };
  }
}

function noBatchThere(): Refusal {
  return new Refusal('page_out_of_range', 'There is nothing in the audit log at this place; begin again without it');
}

function damaged(segment: number, offset: number): Bug {
  return new Bug('audit_damaged', `The audit log is damaged in segment ${segment} at byte ${offset}; keep the files and verify them`);
}

/** Where to begin for everything since a time: the start of the newest segment that begins before it. Of the other segments only the beginning is read. */
export function placeSince(directory: string, since_ms: number): Place {
  let found = 0;
  for (const segment of listSegments(directory)) {
    const [first] = walkRecords(directory, { segment, offset: 0, past: 0 });
    const began_ms = first?.records[0]?.position.segment === segment ? first.records[0].at_ms : undefined;
    if (found > 0 && (began_ms === undefined || began_ms >= since_ms)) break;
    found = segment;
  }
  return { segment: found, offset: 0, past: 0 };
}

/** How many bytes of the log there are from a batch on; of the newest segment, what it is filled with ahead too. */
export function bytesFrom(directory: string, from: Position): number {
  return listSegments(directory)
    .filter((segment) => segment >= from.segment)
    .map((segment) => fs.statSync(segmentPath(directory, segment)).size - (segment === from.segment ? from.offset : 0))
    .reduce((sum, bytes) => sum + Math.max(0, bytes), 0);
}
