import fs from 'node:fs';
import { AuditEvent } from '@hoop/contract/audit';
import { decodeShown } from '@hoop/contract/shown';
import { type Clock, systemClock } from '@hoop/core/clock';
import { asAppError, Bug, invariant } from '@hoop/core/errors';
import type { Log } from '@hoop/core/log';
import { BATCH_BODY_BYTES_MAX, listSegments, readLogRecord, scanSegment, segmentPath } from './scan.ts';
import {
  BATCH_HEADER_BYTES,
  GENESIS,
  NOWHERE,
  type Position,
  RECORD_HEADER_BYTES,
  sealBatch,
  sessionToBytes,
  writeRecord,
} from './segment.ts';
import { SyncThread } from './sync-thread.ts';
import { bytesFrom, type Place, placeSince, walkRecords } from './walk.ts';

export interface AuditLogOptions {
  readonly directory: string;
  readonly log: Log;
  readonly clock?: Clock;
  /** A new file is begun past this size; offsets are 32 bits. */
  readonly segmentBytesMax?: number;
}

export interface AuditRecord {
  readonly at_ms: number;
  readonly event: AuditEvent;
}

/** An event with its session, and its place in the log. */
export interface AuditEntry extends AuditRecord {
  readonly session: string;
  readonly position: Position;
  /** Of the same session's record before. */
  readonly previous: Position;
}

export interface AuditPage {
  readonly events: readonly AuditEntry[];
  /** Where the next page begins. */
  readonly next: Place;
  readonly bytes: number;
  /** When its last record was written. */
  readonly last_ms: number;
}

const SEGMENT_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The file is filled with zeros a step ahead: a write into blocks that are there already costs the disk no change of its books,
 * which makes a sync a third cheaper and quicker.
 */
const FILL_STEP = Buffer.alloc(1024 * 1024);

interface Pending {
  readonly session: string;
  readonly sessionBytes: Buffer;
  readonly at_ms: number;
  readonly payload: Buffer;
}

/** First byte of a record that is not JSON: what a client sent, as `u8 1 | u32 bytes | the beginning of them`. */
const INPUT_TAG = 1;
/** The same of what a client was shown: `u8 2 | u32 bytes | all of them`. */
const OUTPUT_TAG = 2;
/** The same out of the agent, piece by piece: see `contract/shown.ts`. */
const SHOWN_TAG = 3;
const TAG_HEADER_BYTES = 5;

/** How many records are looked at before whoever reads them may let others have a turn. */
const POSITIONS_AT_A_TIME = 1_000;

/**
 * The append-only audit log with group commit: whoever appends does not wait, whoever must not go on before a record
 * is on the disk awaits `durable`. All who wait at one time share one `fdatasync`, on a thread of its own.
 *
 * Appended records are in the kernel at the end of the same turn of the event loop, in one write for all sessions: from there they
 * survive the end of this process, however sudden, and are on the disk `SYNC_MS_MAX` later at most. `afterWrite` is that moment.
 *
 * A write that fails breaks the log for good: what waits is rejected, `broken` says so, and nothing is acknowledged any more.
 * (After a failed fsync the kernel may have dropped the pages; trying again would report success for lost records.)
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #clock: Clock;
  readonly #segmentBytesMax: number;
  /** Where each open session's newest record is. */
  readonly #heads = new Map<string, Position>();
  readonly #sessionBytes = new Map<string, Buffer>();
  #file = -1;
  #segment = 0;
  #offset = 0;
  /** How far the file is filled with zeros. */
  #filled = 0;
  #hash: Buffer = GENESIS;
  #pending: Pending[] = [];
  #pendingBytes = 0;
  /** Number of the newest record that was appended, and of the newest that is in the kernel. */
  #appended = 0;
  #written = 0;
  #writeScheduled = false;
  #afterWrite: ((error?: Error) => void)[] = [];
  readonly #thread = new SyncThread({ onFailure: (error) => this.#break(error) });
  #broken: Error | undefined;
  #closed = false;

  private constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#segmentBytesMax = options.segmentBytesMax ?? SEGMENT_BYTES_MAX;
  }

  /**
   * Opens the log and goes on where it ends. A torn end, which was never acknowledged, is moved aside into a `.torn` file.
   * @throws Bug `audit_damaged` when the newest segment is damaged anywhere but at its end.
   */
  static open(options: AuditLogOptions): AuditLog {
    fs.mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const log = new AuditLog(options);
    log.#recover();
    return log;
  }

  get broken(): Error | undefined {
    return this.#broken;
  }

  /**
   * Takes one record. Returns its number, for `durable`.
   * @throws Bug `audit_broken` when the disk does not take records any more.
   */
  append(session: string, payload: Buffer): number {
    if (this.#broken) throw brokenLog(this.#broken);
    if (this.#closed) throw new Bug('audit_closed', 'The audit log is closed');
    let sessionBytes = this.#sessionBytes.get(session);
    if (!sessionBytes) {
      sessionBytes = sessionToBytes(session);
      this.#sessionBytes.set(session, sessionBytes);
    }
    const bytes = RECORD_HEADER_BYTES + payload.length;
    invariant(bytes <= BATCH_BODY_BYTES_MAX, 'an audit record fits into a batch');
    // Before it is too large: a batch over the limit could be written and never be read again.
    if (this.#pendingBytes + bytes > BATCH_BODY_BYTES_MAX) this.#write();
    this.#pending.push({ session, sessionBytes, at_ms: this.#clock.now(), payload });
    this.#pendingBytes += bytes;
    this.#writeInThisTurn();
    return ++this.#appended;
  }

  /** Undefined when the record is on the disk already, else a promise of it. It rejects when the log breaks. */
  durable(record: number): Promise<void> | undefined {
    if (record <= this.#thread.durable) return undefined;
    if (record > this.#written) this.#write();
    if (this.#broken) return Promise.reject(brokenLog(this.#broken));
    return this.#thread.wait(record);
  }

  /** Takes what a client sent, as evidence that does not depend on the agent. Of a long piece only the beginning is kept. */
  appendInput(session: string, bytes: Buffer, keep_bytes_max: number): number {
    const kept = bytes.length > keep_bytes_max ? bytes.subarray(0, keep_bytes_max) : bytes;
    return this.append(session, taggedPayload(INPUT_TAG, bytes.length, kept));
  }

  /** Takes what a client is about to be shown. */
  appendOutput(session: string, bytes: Buffer): number {
    return this.append(session, taggedPayload(OUTPUT_TAG, bytes.length, bytes));
  }

  /** Takes a piece of what a terminal inside of a session is about to show, as `encodeShown` writes it. */
  appendShown(session: string, piece: Buffer): number {
    return this.append(session, taggedPayload(SHOWN_TAG, piece.length, piece));
  }

  isWritten(record: number): boolean {
    return record <= this.#written;
  }

  /**
   * Calls back when everything that was appended so far is in the kernel, in the order of the calls; with the error when it never will be.
   * A callback and not a promise: this is the way of every short answer.
   */
  afterWrite(then: (error?: Error) => void): void {
    this.#afterWrite.push(then);
    this.#writeInThisTurn();
  }

  /** Where the session's newest record is; the session's row keeps it when the session ends. */
  head(session: string): Position | undefined {
    if (this.#pending.length > 0) this.#write();
    return this.#heads.get(session);
  }

  /** Goes on with a session of an earlier process, whose newest record is there. */
  adopt(session: string, head: Position): void {
    this.#heads.set(session, head);
  }

  /** The session will not append any more. Returns its head. */
  forget(session: string): Position | undefined {
    const head = this.head(session);
    this.#heads.delete(session);
    this.#sessionBytes.delete(session);
    return head;
  }

  /** How many bytes of records wait for the disk. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** A session's records, oldest first. `head` is needed for a session that is not open here. */
  recordsOf(session: string, head?: Position): AuditRecord[] {
    return [...this.eachRecordOf(session, head)].filter((record) => record !== undefined);
  }

  /**
   * The same one by one, so that a session with a long transcript is never in memory as a whole. Now and then it gives undefined:
   * a good moment to let others have a turn.
   */
  *eachRecordOf(session: string, head?: Position): Generator<AuditRecord | undefined> {
    const { directory } = this.#options;
    const files = new Map<number, number>();
    const positions: Position[] = [];
    try {
      let at = this.head(session) ?? head ?? NOWHERE;
      while (at.segment !== 0) {
        const record = readLogRecord(directory, at, files);
        if (record.session !== session) throw new Bug('audit_damaged', 'The audit log leads to a record of another session; verify it');
        positions.push(at);
        at = record.previous;
        if (positions.length % POSITIONS_AT_A_TIME === 0) yield undefined;
      }
      for (let position = positions.pop(); position; position = positions.pop()) {
        const { at_ms, payload } = readLogRecord(directory, position, files);
        yield { at_ms, event: decodeEvent(payload) };
        if (positions.length % POSITIONS_AT_A_TIME === 0) yield undefined;
      }
    } finally {
      for (const file of files.values()) fs.closeSync(file);
    }
  }

  /**
   * What happened in all sessions since a time, oldest first, or from a place on; some hundred at a time. What clients sent and were shown
   * is left out. Records of before `since_ms` may come first.
   * @throws Refusal `page_out_of_range` when `from` is no place of the log
   */
  *eventsSince(since_ms: number, from?: Place): Generator<AuditPage> {
    if (this.#pending.length > 0) this.#write();
    const { directory } = this.#options;
    for (const { records, next, bytes } of walkRecords(directory, from ?? placeSince(directory, since_ms))) {
      const events = records
        .filter(({ payload }) => !isTagged(payload))
        .map(({ payload, ...record }) => ({ ...record, event: decodeEvent(payload) }));
      yield { events, next, bytes, last_ms: records.at(-1)?.at_ms ?? 0 };
    }
  }

  /** How many bytes `eventsSince` has to read from there, at most. */
  bytesSince(since_ms: number, from?: Place): number {
    const { directory } = this.#options;
    return bytesFrom(directory, from ?? placeSince(directory, since_ms));
  }

  /** The record at a place, and where its session's record before it is. @throws Bug `audit_damaged` */
  recordAt(position: Position): AuditRecord & { readonly previous: Position } {
    const files = new Map<number, number>();
    try {
      const { at_ms, previous, payload } = readLogRecord(this.#options.directory, position, files);
      return { at_ms, previous, event: decodeEvent(payload) };
    } finally {
      for (const file of files.values()) fs.closeSync(file);
    }
  }

  /** Finds the heads of sessions that were open when the process died, newest segment first. */
  headsOf(sessions: readonly string[]): Map<string, Position> {
    const wanted = new Set(sessions);
    const found = new Map<string, Position>();
    for (const segment of listSegments(this.#options.directory).reverse()) {
      if (wanted.size === 0) break;
      const here = new Map<string, Position>();
      scanSegment(this.#options.directory, segment, undefined, (batch) => {
        for (const record of batch.records) if (wanted.has(record.session)) here.set(record.session, record.position);
      });
      for (const [session, position] of here) {
        found.set(session, position);
        wanted.delete(session);
      }
    }
    return found;
  }

  /** Writes and syncs what is there, then closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    if (!this.#broken) await this.durable(this.#appended);
    this.#closed = true;
    await this.#thread.close();
    this.#closeFile();
  }

  #closeFile(): void {
    if (this.#file < 0) return;
    fs.ftruncateSync(this.#file, this.#offset);
    fs.fsyncSync(this.#file);
    fs.closeSync(this.#file);
    this.#file = -1;
  }

  #recover(): void {
    const { directory, log } = this.#options;
    const segments = listSegments(directory);
    const newest = segments.at(-1);
    if (newest === undefined) {
      this.#openSegment(1);
      return;
    }
    const scanned = scanSegment(directory, newest, undefined, () => undefined);
    if (scanned.damage && scanned.damage.reason !== 'torn') {
      throw new Bug(
        'audit_damaged',
        `The audit log is damaged in segment ${newest} at byte ${scanned.damage.offset}; keep the files and verify them`,
      );
    }
    if (scanned.damage) {
      moveTornEnd(segmentPath(directory, newest), scanned.end);
      log.warn(
        { segment: newest, offset: scanned.end },
        'The audit log ended in the middle of a batch that was never acknowledged; it was moved aside',
      );
    }
    this.#hash = scanned.batches > 0 ? scanned.hash : hashBefore(directory, segments);
    this.#openSegment(newest, scanned.end);
  }

  #openSegment(segment: number, offset = 0): void {
    const { O_RDWR, O_CREAT } = fs.constants;
    this.#closeFile();
    this.#file = fs.openSync(segmentPath(this.#options.directory, segment), O_RDWR | O_CREAT, 0o600);
    this.#thread.use(this.#file);
    this.#segment = segment;
    this.#offset = offset;
    // What stands behind the end is zeros of an earlier process, or nothing.
    fs.ftruncateSync(this.#file, offset);
    this.#filled = offset;
    this.#fill(offset);
    syncDirectory(this.#options.directory);
  }

  /** Zeros at least up to this place. */
  #fill(end: number): void {
    do this.#filled += fs.writeSync(this.#file, FILL_STEP, 0, FILL_STEP.length, this.#filled);
    while (this.#filled < end);
  }

  #writeInThisTurn(): void {
    if (this.#writeScheduled) return;
    this.#writeScheduled = true;
    setImmediate(this.#writeNow);
  }

  readonly #writeNow = (): void => {
    this.#writeScheduled = false;
    if (!this.#closed) this.#write();
    const waiting = this.#afterWrite;
    if (waiting.length === 0) return;
    this.#afterWrite = [];
    const error = this.#broken && brokenLog(this.#broken);
    for (const then of waiting) then(error);
  };

  /** One batch of everything that waits, in one system call. Synchronous: it goes to the page cache. */
  #write(): void {
    const pending = this.#pending;
    if (pending.length === 0 || this.#broken) return;
    try {
      if (this.#offset > 0 && this.#offset + this.#pendingBytes > this.#segmentBytesMax) {
        this.#openSegment(this.#segment + 1);
      }
      const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + this.#pendingBytes);
      let at = BATCH_HEADER_BYTES;
      for (const record of pending) {
        const position = { segment: this.#segment, offset: this.#offset + at };
        const previous = this.#heads.get(record.session) ?? NOWHERE;
        at = writeRecord(batch, at, { at_ms: record.at_ms, previous, session: record.sessionBytes, payload: record.payload });
        this.#heads.set(record.session, position);
      }
      this.#hash = sealBatch(batch, pending.length, this.#hash);
      if (this.#offset + batch.length > this.#filled) this.#fill(this.#offset + batch.length);
      writeAll(this.#file, batch, this.#offset);
      this.#offset += batch.length;
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#written = this.#appended;
      this.#thread.wrote(this.#written);
    } catch (error) {
      this.#break(error);
    }
  }

  #break(thrown: unknown): void {
    if (this.#broken) return;
    this.#broken = thrown instanceof Error ? thrown : new Error(String(thrown));
    this.#options.log.fatal(
      { err: asAppError(thrown) },
      'The audit log cannot be written; no session goes on without it. Free the disk and start again',
    );
  }
}

function brokenLog(cause: Error): Bug {
  return new Bug('audit_broken', 'The audit log cannot be written, so nothing may pass; free the disk of the gateway and start it again', {
    cause,
  });
}

function taggedPayload(tag: number, length: number, kept: Buffer): Buffer {
  const payload = Buffer.allocUnsafe(TAG_HEADER_BYTES + kept.length);
  payload[0] = tag;
  payload.writeUInt32LE(length, 1);
  payload.set(kept, TAG_HEADER_BYTES);
  return payload;
}

const TAGGED: Readonly<Record<number, 'input' | 'output'>> = { [INPUT_TAG]: 'input', [OUTPUT_TAG]: 'output' };

function isTagged(payload: Buffer): boolean {
  return payload[0] === SHOWN_TAG || TAGGED[payload[0] ?? 0] !== undefined;
}

function shownEvent(payload: Buffer): AuditEvent | undefined {
  const piece = payload[0] === SHOWN_TAG ? decodeShown(payload.subarray(TAG_HEADER_BYTES)) : undefined;
  if (!piece) return undefined;
  const { stream, seq, bytes, size } = piece;
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  return { type: 'output', bytes: bytes.length, data, stream, seq, ...(size ? { size } : {}) };
}

function decodeEvent(payload: Buffer): AuditEvent {
  const type = payload.length >= TAG_HEADER_BYTES ? TAGGED[payload[0] ?? 0] : undefined;
  if (type) return { type, bytes: payload.readUInt32LE(1), data: payload.toString('base64', TAG_HEADER_BYTES) };
  const shown = shownEvent(payload);
  if (shown) return shown;
  try {
    const parsed = AuditEvent.safeParse(JSON.parse(payload.toString('utf8')));
    if (parsed.success) return parsed.data;
  } catch {
    // Said below: a record that cannot be read must not hide those around it.
  }
  return { type: 'unreadable', data: payload.toString('base64') };
}

function writeAll(file: number, bytes: Buffer, position: number): void {
  let at = 0;
  while (at < bytes.length) at += fs.writeSync(file, bytes, at, bytes.length - at, position + at);
}

/** A new file's name is durable only when its directory is. */
function syncDirectory(directory: string): void {
  const file = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
}

function moveTornEnd(file: string, end: number): void {
  const bytes = fs.readFileSync(file).subarray(end);
  fs.writeFileSync(`${file}.${end}.torn`, bytes, { mode: 0o600 });
  fs.truncateSync(file, end);
}

/** The chain's end before an empty newest segment. */
function hashBefore(directory: string, segments: readonly number[]): Buffer {
  const before = segments.at(-2);
  return before === undefined ? GENESIS : scanSegment(directory, before, undefined, () => undefined).hash;
}
