import type { Denial } from '@hoop/core/action';
import type { Gate, Mask, Permit } from '@hoop/core/gate';
import { HoldTimer } from '../../shared/hold-timer.ts';
import { MASK_HOLD_MS, MASK_HOLD_PIPE_MS } from '../../shared/limits.ts';
import { MaskStream } from '../../shared/mask-stream.ts';
import { HOLDING, OutputGuard } from '../../shared/output-guard.ts';
import { preparing } from '../../shared/preparing.ts';
import type { Channel } from '../channels.ts';
import { isBinary } from './binary.ts';
import { dataMessage, Flow, type OutputKind } from './flow.ts';

/** What comes of a piece of output: it goes on as it is, these messages go in its place, or it must not be shown and the channel ends. */
export type Told = 'pass' | { readonly messages: readonly Buffer[]; readonly denial?: Denial };

const NOTHING_TO_SAY: Told = { messages: [] };

interface Stream {
  readonly masked: MaskStream;
  readonly guard: OutputGuard;
}

/**
 * The output of what one channel runs, on its way to the client: looked at by the rules about answers, masked, and recorded where it is
 * a terminal's. Where there is neither rule nor mask it passes as it is, in the channel's own windows.
 */
export class ChannelOutput {
  readonly #gate: Gate;
  readonly #channel: Channel;
  readonly #permit: Permit;
  readonly #streams: Readonly<Record<OutputKind, Stream>> = { stdout: newStream(), stderr: newStream() };
  readonly #send: (messages: readonly Buffer[]) => void | Promise<void>;
  #flow: Flow | undefined;
  readonly #timer: HoldTimer;
  /** A piece is being looked at elsewhere. */
  #turn: Promise<unknown> | undefined;

  /**
   * @param send says something to the client, and gives the target the room that came of it, outside of an answer's turn
   * @param isSlow whether the client does not take what it was sent
   */
  constructor(
    gate: Gate,
    channel: Channel,
    permit: Permit,
    send: (messages: readonly Buffer[]) => void | Promise<void>,
    isSlow: () => boolean = () => false,
  ) {
    this.#gate = gate;
    this.#channel = channel;
    this.#permit = permit;
    this.#send = send;
    this.#timer = new HoldTimer(
      () => void this.#ring(),
      () => isSlow() || this.#flow?.isFull === true,
      () => (channel.hasPty ? MASK_HOLD_MS : MASK_HOLD_PIPE_MS),
    );
    if (channel.hasPty && channel.size) this.resized();
  }

  /** The windows, where those of client and target are not the same. */
  get flow(): Flow | undefined {
    return this.#flow;
  }

  /** For windows that are to be kept apart from here on. */
  apart(): Flow {
    this.#flow ??= new Flow(this.#channel.clientId ?? 0, this.#channel.room, this.#channel.packetBytesMax);
    return this.#flow;
  }

  /** Output of the target. */
  take(kind: OutputKind, bytes: Buffer): Told | Promise<Told> {
    const { mask } = this.#gate;
    if (!mask && !this.#channel.answer?.forbids && !this.#flow) {
      this.#record(kind, bytes);
      if (kind === 'stderr') this.#channel.complains(bytes);
      return 'pass';
    }
    if (!this.#turn && !mask?.prepare) return this.#look(kind, bytes, mask);
    return this.#inTurn(async () => {
      if (mask) await preparing(mask, (trial) => void this.#streams[kind].masked.copy().push(bytes, trial, {}));
      return this.#look(kind, bytes, mask);
    });
  }

  /** The terminal's size has changed. */
  resized(): void {
    const { size } = this.#channel;
    if (size && this.#channel.hasPty) this.#gate.show(this.#permit, { stream: 'stdout', bytes: NOTHING, size });
  }

  /** How it ended, which a host may tell while output is still on its way: behind what waits for room, and what is held is held on. */
  behind(message: Buffer): Told {
    return this.#flow ? { messages: this.#flow.after(message) } : 'pass';
  }

  /** No more output comes: what was held back, and behind it this message. */
  after(message: Buffer): Told | Promise<Told> {
    if (!this.#flow) return 'pass';
    const finish = (): Told => ({ messages: [...this.#flushed(), ...this.apart().after(message)] });
    if (!this.#turn && !this.#gate.mask?.prepare) return finish();
    return this.#inTurn(async () => {
      await this.#prepareHeld();
      return finish();
    });
  }

  /** Words of ours on the terminal, which the client has kept room for: behind what was held back, and recorded with it. */
  say(words: Buffer): readonly Buffer[] | Promise<readonly Buffer[]> {
    const speak = (): readonly Buffer[] => {
      const held = this.#flow ? this.#flushed() : [];
      this.#record('stdout', words);
      const message = dataMessage(this.#channel.clientId ?? 0, 'stdout', words);
      return [...held, ...(this.#flow ? this.#flow.after(message) : [message])];
    };
    if (!this.#turn && !this.#gate.mask?.prepare) return speak();
    return this.#inTurn(async () => {
      await this.#prepareHeld();
      return speak();
    });
  }

  /** The session ends: what was held back, as far as the client has room for it. */
  end(): readonly Buffer[] {
    return this.#flow ? this.#flushed() : [];
  }

  /** Nothing more of it is shown. Returns messages that the client still has to get. */
  stop(): readonly Buffer[] {
    this.#timer.stop();
    return this.#flow?.abandon() ?? [];
  }

  #look(kind: OutputKind, bytes: Buffer, mask: Mask | undefined): Told {
    const flow = this.apart();
    flow.took(bytes.length);
    const stream = this.#streams[kind];
    const { forbids } = this.#channel.answer ?? {};
    const denial = stream.guard.look(bytes, forbids) ?? (mask && !this.#channel.hasPty && isBinary(bytes) ? BINARY : undefined);
    if (denial) return { messages: [], denial };
    const passed = stream.masked.push(bytes, mask ?? (forbids ? HOLDING : undefined), this.#channel.masked);
    if (stream.masked.holds) this.#timer.touch(passed.length > 0);
    return this.#pass(kind, passed);
  }

  #pass(kind: OutputKind, bytes: Buffer): Told {
    if (bytes.length === 0) return NOTHING_TO_SAY;
    this.#record(kind, bytes);
    if (kind === 'stderr') this.#channel.complains(bytes);
    return { messages: this.apart().send(kind, bytes) };
  }

  #record(stream: OutputKind, bytes: Buffer): void {
    if (this.#channel.hasPty) this.#gate.show(this.#permit, { stream, bytes });
  }

  /** What is held has waited long enough for its rest. */
  #ring(): void | Promise<void> {
    if (this.#channel.isMuted) return undefined;
    if (!this.#turn && !this.#gate.mask?.prepare) return this.#send(this.#flushed());
    return this.#inTurn(async () => {
      await this.#prepareHeld();
      if (!this.#channel.isMuted) await this.#send(this.#flushed());
    });
  }

  #flushed(): Buffer[] {
    this.#timer.stop();
    const { mask } = this.#gate;
    return KINDS.flatMap((kind) => {
      const { masked } = this.#streams[kind];
      const shown = masked.holds ? this.#pass(kind, masked.flush(mask, this.#channel.masked)) : NOTHING_TO_SAY;
      return shown === 'pass' ? [] : [...shown.messages];
    });
  }

  async #prepareHeld(): Promise<void> {
    const { mask } = this.#gate;
    if (!mask) return;
    for (const kind of KINDS) await preparing(mask, (trial) => void this.#streams[kind].masked.copy().flush(trial, {}));
  }

  /** One after the other: somebody has to be asked in between. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = (this.#turn ?? Promise.resolve()).then(work, work);
    const turn = done
      .catch(() => undefined)
      .finally(() => {
        if (this.#turn === turn) this.#turn = undefined;
      });
    this.#turn = turn;
    return done;
  }
}

function newStream(): Stream {
  return { masked: new MaskStream(), guard: new OutputGuard() };
}

const KINDS: readonly OutputKind[] = ['stdout', 'stderr'];
const NOTHING = Buffer.alloc(0);

/** Output of a masked connection that is no text. */
const BINARY: Denial = {
  rule: 'masking',
  message:
    'The output is not text, and values in this connection’s output are hidden, which can be done in text only; encode or unpack it on the host',
};
