import type { AnswerRules } from '@hoop/core/answer';
import { PeerFault } from '@hoop/core/errors';
import type { Gate, MaskCounts, Permit } from '@hoop/core/gate';
import { escaped } from './escaped.ts';
import { OWN_WORDS_BYTES_MAX } from './limits.ts';
import { badMessage } from './messages.ts';
import type { ChannelOutput } from './output/channel-output.ts';
import { Replies } from './replies.ts';
import type { SftpAudit } from './sftp/audit.ts';
import type { Typing } from './typing.ts';

const NOTHING = Buffer.alloc(0);

/** Of what a command writes on its error output, this much is looked at for the words that its end is recorded with. */
const COMPLAINT_BYTES_MAX = 240;

export type ChannelType = 'session' | 'direct-tcpip' | 'forwarded-tcpip';
export type Start = 'shell' | 'exec' | 'subsystem';

/** One channel, with the number that each side has given it. */
export class Channel {
  readonly type: ChannelType;
  /** Unknown until the other side has confirmed it. */
  clientId: number | undefined;
  targetId: number | undefined;
  /** Answers to the client's requests, and to the target's. */
  readonly forClient = new Replies();
  readonly forTarget = new Replies();
  started: Start | undefined;
  hasPty = false;
  /** Whether the host has said that there is a terminal. */
  isPtySure = false;
  /** Resolves when the host has said whether there is one; undefined where it need not be waited for. */
  ptyAnswer: PromiseWithResolvers<void> | undefined;
  envCount = 0;
  /** A rule denied what it was for: nothing passes any more, it only has to be closed. */
  isMuted = false;
  clientClosed = false;
  targetClosed = false;
  sftp: SftpAudit | undefined;
  output: ChannelOutput | undefined;
  /** What is typed, where there is a terminal. */
  typing: Typing | undefined;
  /** What the client takes and the target may send, as long as these are the same; what of it is ours is not counted. */
  room = 0;
  /** The client takes no larger data message. */
  packetBytesMax = 0;
  /** Of its terminal. */
  size: { readonly columns: number; readonly rows: number } | undefined;
  /** What of the client's window is ours, for words of our own; the target knows nothing of it. */
  ownWindow = 0;
  permit: Permit | undefined;
  lines = 0;
  bytes = 0;
  exitCode: number | undefined;
  error: string | undefined;
  /** What it said first on its error output. */
  #complaint: Buffer = NOTHING;
  /** The client's last signal: what ends by it was cancelled. */
  signalled: string | undefined;
  readonly masked: MaskCounts = {};

  constructor(type: ChannelType, ids: { clientId?: number; targetId?: number }) {
    this.type = type;
    this.clientId = ids.clientId;
    this.targetId = ids.targetId;
  }

  /** What rules demand of the output now: those of the line that was typed last, or of what was begun. */
  get answer(): AnswerRules | undefined {
    return this.typing?.permit?.answer ?? this.permit?.answer;
  }

  /** Takes back what the client gives, until our own part of its window is whole again; the rest is the target's. */
  refill(amount: number): number {
    const missing = this.type === 'session' ? Math.min(amount, this.ownWindowMax - this.ownWindow) : 0;
    this.ownWindow += missing;
    this.room += amount - missing;
    return amount - missing;
  }

  ownWindowMax = 0;

  /** Keeps a part of the client's window back; returns what the target may have. */
  reserve(window: number): number {
    // Dropbear gives 24 KiB in all.
    this.ownWindowMax = Math.min(OWN_WORDS_BYTES_MAX, Math.floor(window / 4));
    this.ownWindow = this.ownWindowMax;
    this.room = window - this.ownWindowMax;
    return this.room;
  }

  /** Something on its error output. */
  complains(bytes: Buffer): void {
    const room = COMPLAINT_BYTES_MAX - this.#complaint.length;
    if (room > 0) this.#complaint = Buffer.concat([this.#complaint, bytes.subarray(0, room)]);
  }

  get #exitWords(): string | undefined {
    if (this.exitCode === undefined || this.exitCode === 0) return undefined;
    return [`exit status ${this.exitCode}`, firstLine(this.#complaint)].filter(Boolean).join(': ');
  }

  /** Tells the gate how it ended. Once. */
  settle(gate: Gate, error = this.error ?? this.#exitWords): void {
    this.sftp?.end();
    this.typing?.end(error);
    const { permit } = this;
    if (!permit) return;
    this.permit = undefined;
    const masked = Object.keys(this.masked).length > 0 ? { masked: { ...this.masked } } : {};
    gate.settle(permit, {
      rows: this.lines,
      bytes: this.bytes,
      ...(this.exitCode === undefined ? {} : { exit_code: this.exitCode }),
      ...(error === undefined ? {} : { error }),
      ...masked,
    });
  }
}

/** The channels of one session, by the numbers of both sides. */
export class Channels {
  readonly #byClient = new Map<number, Channel>();
  readonly #byTarget = new Map<number, Channel>();
  readonly #all = new Set<Channel>();
  /** Who waits for the numbers of a channel; at most one, because what the target says is taken in its order. */
  readonly #waiting = new Map<Channel, () => void>();

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): IterableIterator<Channel> {
    return this.#all.values();
  }

  /** @throws PeerFault when the number is in use */
  add(channel: Channel): void {
    this.#all.add(channel);
    if (channel.clientId !== undefined) this.#number(this.#byClient, channel.clientId, channel);
    if (channel.targetId !== undefined) this.#number(this.#byTarget, channel.targetId, channel);
  }

  /** The other side confirmed it under a number of its own. @throws PeerFault when the number is in use, or it was confirmed before */
  confirm(channel: Channel, side: 'client' | 'target', id: number): void {
    if (side === 'client' ? channel.clientId !== undefined : channel.targetId !== undefined) throw badMessage('confirms a channel again');
    this.#number(side === 'client' ? this.#byClient : this.#byTarget, id, channel);
    if (side === 'client') channel.clientId = id;
    else channel.targetId = id;
  }

  /** The channel that this side calls so. @throws PeerFault when there is none */
  named(by: 'client' | 'target', id: number): Channel {
    const channel = (by === 'client' ? this.#byClient : this.#byTarget).get(id);
    if (!channel) throw badMessage('names a channel that is not open');
    return channel;
  }

  /**
   * Resolves when a number of the target's is free; undefined when it is now. A target that was told that a channel is closed may use its
   * number again before the client has said so too, and until then that still means the old channel by it.
   */
  freed(targetId: number): Promise<void> | undefined {
    const old = this.#byTarget.get(targetId);
    if (!old?.targetClosed) return undefined;
    return new Promise((resolve) => {
      this.#waiting.set(old, resolve);
    });
  }

  remove(channel: Channel): void {
    this.#all.delete(channel);
    if (channel.clientId !== undefined) this.#byClient.delete(channel.clientId);
    if (channel.targetId !== undefined) this.#byTarget.delete(channel.targetId);
    this.#waiting.get(channel)?.();
    this.#waiting.delete(channel);
  }

  #number(numbers: Map<number, Channel>, id: number, channel: Channel): void {
    if (numbers.has(id)) throw new PeerFault('bad_message', 'An SSH channel is opened under a number that is in use');
    numbers.set(id, channel);
  }
}

function firstLine(text: Buffer): string {
  return escaped((text.toString('utf8').trim().split('\n')[0] ?? '').trim());
}
