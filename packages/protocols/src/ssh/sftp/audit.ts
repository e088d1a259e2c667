import { PeerFault } from '@hoop/core/errors';
import type { Decision, Permit } from '@hoop/core/gate';
import { encodeFrames } from '../../shared/frames.ts';
import type { Step } from '../../shared/step.ts';
import type { Channel } from '../channels.ts';
import { escaped } from '../escaped.ts';
import { OWN_WORDS_BYTES_MAX, SFTP_HANDLES_MAX, SFTP_PENDING_MAX } from '../limits.ts';
import { encodeMessage, Fields, MESSAGE, STDERR } from '../messages.ts';
import type { Books } from '../requests.ts';
import { AnswerGuard, FILES_ARE_NOT_SHOWN, type Guards } from './guard.ts';
import {
  answerHead,
  encodeDenied,
  LENGTH_BYTES,
  packetLength,
  requestHead,
  SFTP,
  SFTP_END_OF_FILE,
  SFTP_OK,
  statusWords,
} from './packet.ts';
import { requestText } from './request-text.ts';

/** Something that is open at the target, by the action that opened it. */
interface Open {
  readonly permit: Permit;
  readonly path: string;
  bytes: number;
  error: string | undefined;
}

/** What an answer is waited for. */
type Pending =
  | { readonly kind: 'open'; readonly permit: Permit; readonly path: string }
  | { readonly kind: 'change'; readonly permit: Permit }
  | { readonly kind: 'move'; readonly open: Open | undefined }
  | { readonly kind: 'close'; readonly handle: string }
  | { readonly kind: 'look' };

/** Nobody needs data in larger pieces, and every side takes these. (RFC 4253, section 6.1) */
const PIECE_BYTES_MAX = 32 * 1024;

/**
 * The file transfers of one channel as actions: each open, change and removal is judged before the host hears of it and recorded with
 * how it ended; what is read and written is counted for the open that it belongs to. A denied request is answered in its place.
 */
export class SftpAudit {
  readonly #books: Books;
  readonly #channel: Channel;
  readonly #pending = new Map<number, Pending>();
  readonly #opened = new Map<string, Open>();
  /** Of the client's stream: the beginning of a request that cannot be judged yet, and bytes that follow a judged one. */
  #held: Buffer = NOTHING;
  #passing = 0;
  /** Of the target's stream: the beginning of an answer, and bytes of it that need no look. */
  #head: Buffer = NOTHING;
  #skipping = 0;
  #own: Buffer[] = [];
  readonly #guard = new AnswerGuard();
  #hasExplained = false;

  constructor(books: Books, channel: Channel) {
    this.#books = books;
    this.#channel = channel;
  }

  /** @throws PeerFault on what is not SFTP */
  fromClient(bytes: Buffer): Step | Promise<Step> {
    const whole = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const isCut = this.#held.length > 0;
    this.#held = NOTHING;
    const pieces: Buffer[] = [];
    const walked = this.#walk(whole, 0, 0, pieces);
    const step = (dropped: number): Step | Promise<Step> => {
      const [only] = pieces;
      const isWhole = !isCut && pieces.length === 1 && only?.length === bytes.length;
      const passed = isWhole ? 'pass' : this.#framed(pieces);
      if (dropped === 0) return passed;
      // The host will never give this room back, because it never saw what filled it.
      const told = this.#books.toClient(encodeFrames([encodeMessage(MESSAGE.windowAdjust, this.#channel.clientId ?? 0, dropped)]));
      return told ? told.then(() => passed) : passed;
    };
    return walked instanceof Promise ? walked.then(step) : step(walked);
  }

  /** @throws PeerFault on what is not SFTP */
  fromTarget(bytes: Buffer): Step {
    const border = this.#follow(bytes);
    if (this.#own.length === 0 || border < 0) return 'pass';
    const own = this.#takeOwn();
    if (own.length === 0) return 'pass';
    const id = this.#channel.clientId ?? 0;
    const data = [bytes.subarray(0, border), ...own, bytes.subarray(border)];
    return encodeFrames(data.flatMap((piece) => (piece.length > 0 ? [encodeMessage(MESSAGE.data, id, piece)] : [])));
  }

  /**
   * The same where values are hidden or forbidden: whole answers only, and our own behind them, in the channel's windows apart.
   * @throws PeerFault on what is not SFTP
   */
  fromTargetGuarded(bytes: Buffer, guards: Guards): Buffer {
    this.#follow(bytes);
    const passed = this.#guard.push(bytes, guards, this.#channel.masked);
    return Buffer.concat([passed, ...this.#own.splice(0)]);
  }

  /** What is to be looked at in these answers, on a copy. */
  tryGuarded(bytes: Buffer, guards: Guards): void {
    this.#guard.copy().push(bytes, guards, {});
  }

  /** Whether the host is between two answers. */
  get isAtBorder(): boolean {
    return this.#skipping === 0 && this.#head.length === 0;
  }

  /** Says what of our own has waited, where that can be said now: between two answers, and within the client's window. */
  speak(): void | Promise<void> {
    if (this.#own.length === 0 || !this.isAtBorder) return undefined;
    const flow = this.#channel.output?.flow;
    if (flow) {
      const messages = flow.send('stdout', Buffer.concat(this.#own.splice(0)));
      return messages.length === 0 ? undefined : this.#books.toClient(encodeFrames(messages));
    }
    const own = this.#takeOwn();
    if (own.length === 0) return undefined;
    return this.#books.toClient(encodeFrames(own.map((piece) => encodeMessage(MESSAGE.data, this.#channel.clientId ?? 0, piece))));
  }

  /** The channel is over: whatever had no answer gets none. */
  end(): void {
    const { gate } = this.#books;
    for (const open of this.#opened.values()) gate.settle(open.permit, { rows: 0, bytes: open.bytes, ...errorOf(open.error) });
    for (const pending of this.#pending.values()) {
      if ('permit' in pending) gate.settle(pending.permit, { rows: 0, bytes: 0, error: 'the channel ended before the answer' });
    }
    this.#opened.clear();
    this.#pending.clear();
  }

  /** Follows the host's answers. Returns the first place between two of them, or -1. */
  #follow(bytes: Buffer): number {
    let border = this.isAtBorder ? 0 : -1;
    let at = 0;
    while (at < bytes.length) {
      if (this.#skipping > 0) {
        const taken = Math.min(this.#skipping, bytes.length - at);
        this.#skipping -= taken;
        at += taken;
      } else at = this.#look(bytes, at);
      if (border < 0 && this.isAtBorder) border = at;
    }
    return border;
  }

  /** A host that gives the same handle twice means the newer one by it. */
  #open(handle: string, { permit, path }: { readonly permit: Permit; readonly path: string }): void {
    const older = this.#opened.get(handle);
    if (older) this.#books.gate.settle(older.permit, { rows: 0, bytes: older.bytes, error: older.error ?? 'its handle was given again' });
    this.#opened.set(handle, { permit, path, bytes: 0, error: undefined });
  }

  #takeOwn(): Buffer[] {
    const taken: Buffer[] = [];
    for (let next = this.#own[0]; next && next.length <= this.#channel.ownWindow; next = this.#own[0]) {
      this.#channel.ownWindow -= next.length;
      taken.push(next);
      this.#own.shift();
    }
    return taken;
  }

  /** [from, at) has been judged and goes on. Resolves with the bytes that do not. */
  #walk(whole: Buffer, start: number, droppedBefore: number, pieces: Buffer[]): number | Promise<number> {
    let from = start;
    let at = start;
    let dropped = droppedBefore;
    while (at < whole.length) {
      if (this.#passing > 0) {
        const taken = Math.min(this.#passing, whole.length - at);
        this.#passing -= taken;
        at += taken;
        continue;
      }
      const left = whole.length - at;
      const length = left < LENGTH_BYTES + 1 ? 0 : packetLength(whole, at);
      const head = length === 0 ? 0 : requestHead(whole[at + LENGTH_BYTES] ?? 0, length);
      if (length === 0 || left < LENGTH_BYTES + head) {
        this.#held = whole.subarray(at);
        break;
      }
      const isLetThrough = this.#request(whole.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + head));
      if (isLetThrough instanceof Promise) {
        if (at > from) pieces.push(whole.subarray(from, at));
        return isLetThrough.then((isAllowed) => {
          if (isAllowed) this.#passing = LENGTH_BYTES + length;
          return this.#walk(whole, isAllowed ? at : at + LENGTH_BYTES + length, dropped + (isAllowed ? 0 : LENGTH_BYTES + length), pieces);
        });
      }
      if (isLetThrough) {
        this.#passing = LENGTH_BYTES + length;
        continue;
      }
      if (at > from) pieces.push(whole.subarray(from, at));
      at += LENGTH_BYTES + length;
      from = at;
      dropped += LENGTH_BYTES + length;
    }
    const end = whole.length - this.#held.length;
    if (end > from) pieces.push(whole.subarray(from, end));
    return dropped;
  }

  #framed(pieces: readonly Buffer[]): Step {
    const id = this.#channel.targetId ?? 0;
    const messages: Buffer[] = [];
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; at += PIECE_BYTES_MAX) {
        messages.push(encodeMessage(MESSAGE.data, id, piece.subarray(at, at + PIECE_BYTES_MAX)));
      }
    }
    return messages.length === 0 ? 'drop' : encodeFrames(messages);
  }

  /** True when it may pass. A write is here with its head only. */
  #request(body: Buffer): boolean | Promise<boolean> {
    const type = body[0] ?? 0;
    if (type === SFTP.init) return true;
    const fields = new Fields(body, 1);
    const id = fields.u32();
    switch (type) {
      case SFTP.read: {
        const open = this.#opened.get(key(fields.bytes()));
        if (this.#books.gate.mask) return this.#refuseFile(id);
        this.#expect(id, { kind: 'move', open });
        return true;
      }
      case SFTP.write: {
        const open = this.#opened.get(key(fields.bytes()));
        fields.u64();
        if (open) open.bytes += fields.u32();
        this.#expect(id, { kind: 'move', open });
        return true;
      }
      case SFTP.close:
        this.#expect(id, { kind: 'close', handle: key(fields.bytes()) });
        return true;
      default:
        return this.#judge(type, id, fields, body);
    }
  }

  #judge(type: number, id: number, fields: Fields, body: Buffer): boolean | Promise<boolean> {
    const text = requestText(type, fields, (handle) => this.#opened.get(key(handle))?.path ?? 'an unknown file');
    if (text === undefined) {
      this.#expect(id, { kind: 'look' });
      return true;
    }
    const opens = type === SFTP.open || type === SFTP.opendir;
    if (opens && this.#opened.size >= SFTP_HANDLES_MAX) throw new PeerFault('too_many_files', 'An SFTP client has too many files open');
    const path = opens ? escaped(new Fields(body, 5).text()) : '';
    const reads = type === SFTP.open && opensToRead(body);
    const decided = ({ permit, denial }: Decision): boolean | Promise<boolean> => {
      if (!permit) return this.#refuse(id, denial.message);
      if (reads && (this.#books.gate.mask || permit.answer?.forbids)) {
        this.#books.gate.settle(permit, { rows: 0, bytes: 0, error: 'refused: files are not read where output is masked or looked at' });
        return this.#refuseFile(id);
      }
      this.#expect(id, opens ? { kind: 'open', permit, path } : { kind: 'change', permit });
      return true;
    };
    const decision = this.#books.gate.ask('sftp', text);
    return decision instanceof Promise ? decision.then(decided) : decided(decision);
  }

  /** Answered in its place; the host hears nothing of it. */
  #refuse(id: number, words: string): boolean | Promise<boolean> {
    if (this.#own.length >= SFTP_PENDING_MAX) throw new PeerFault('too_many_requests', 'An SFTP client does not wait for its answers');
    this.#own.push(encodeDenied(id, words.slice(0, OWN_WORDS_BYTES_MAX / 8)));
    const told = this.speak();
    return told ? told.then(() => false) : false;
  }

  /** Clients show no words of a refusal, so that a person finds them on the error output. */
  #refuseFile(id: number): boolean | Promise<boolean> {
    const words = Buffer.from(`hoop: ${FILES_ARE_NOT_SHOWN}\n`);
    const { clientId = 0, ownWindow } = this.#channel;
    if (this.#hasExplained || words.length > ownWindow) return this.#refuse(id, FILES_ARE_NOT_SHOWN);
    this.#hasExplained = true;
    this.#channel.ownWindow -= words.length;
    const told = this.#books.toClient(encodeFrames([encodeMessage(MESSAGE.extendedData, clientId, STDERR, words)]));
    return told ? told.then(() => this.#refuse(id, FILES_ARE_NOT_SHOWN)) : this.#refuse(id, FILES_ARE_NOT_SHOWN);
  }

  #expect(id: number, pending: Pending): void {
    if (this.#pending.size >= SFTP_PENDING_MAX) throw new PeerFault('too_many_requests', 'An SFTP client does not wait for its answers');
    if (this.#pending.has(id)) throw new PeerFault('bad_message', 'An SFTP client gives two requests the same number');
    this.#pending.set(id, pending);
  }

  /** Collects the head of an answer and reads it; returns where to go on. The bytes have passed, or will. */
  #look(bytes: Buffer, at: number): number {
    const needed = this.#needed();
    const taken = Math.min(needed - this.#head.length, bytes.length - at);
    const piece = bytes.subarray(at, at + taken);
    this.#head = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
    if (this.#head.length >= this.#needed()) {
      const length = packetLength(this.#head, 0);
      const head = this.#head.subarray(LENGTH_BYTES);
      this.#skipping = length - head.length;
      this.#head = NOTHING;
      this.#answer(head);
    }
    return at + taken;
  }

  #needed(): number {
    if (this.#head.length < LENGTH_BYTES + 1) return LENGTH_BYTES + 1;
    return LENGTH_BYTES + answerHead(this.#head[LENGTH_BYTES] ?? 0, packetLength(this.#head, 0));
  }

  #answer(head: Buffer): void {
    const type = head[0] ?? 0;
    if (type === SFTP.version) return;
    const fields = new Fields(head, 1);
    const id = fields.u32();
    const pending = this.#pending.get(id);
    if (!pending) throw new PeerFault('bad_message', 'An SFTP answer came to which there was no request');
    this.#pending.delete(id);
    const status = type === SFTP.status ? fields.u32() : SFTP_OK;
    const error = status === SFTP_OK ? undefined : statusWords(status);
    switch (pending.kind) {
      case 'open':
        if (type !== SFTP.handle) this.#books.gate.settle(pending.permit, { rows: 0, bytes: 0, error: error ?? 'no handle' });
        else this.#open(key(fields.bytes()), pending);
        return;
      case 'change':
        this.#books.gate.settle(pending.permit, { rows: 0, bytes: 0, ...errorOf(error) });
        return;
      case 'move':
        if (!pending.open) return;
        if (type === SFTP.data) pending.open.bytes += fields.u32();
        else if (status !== SFTP_END_OF_FILE) pending.open.error ??= error;
        return;
      case 'close': {
        const open = this.#opened.get(pending.handle);
        this.#opened.delete(pending.handle);
        if (open) this.#books.gate.settle(open.permit, { rows: 0, bytes: open.bytes, ...errorOf(open.error ?? error) });
        return;
      }
      case 'look':
    }
  }
}

const NOTHING = Buffer.alloc(0);

const FLAG_READ = 0x01;
const FLAG_WRITE = 0x02;

/** Whether what an open gives can be read: servers take one that asks for nothing as one that asks for reading. */
function opensToRead(body: Buffer): boolean {
  const fields = new Fields(body, 5);
  fields.bytes();
  const flags = fields.u32();
  return (flags & FLAG_READ) !== 0 || (flags & FLAG_WRITE) === 0;
}

function key(handle: Buffer): string {
  return handle.toString('latin1');
}

function errorOf(error: string | undefined): { readonly error?: string } {
  return error === undefined ? {} : { error };
}
