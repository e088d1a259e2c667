import { TERMINAL_FRAMES, type TerminalFrameKind } from '@hoop/contract/terminal';
import type { Denial } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import type { Gate, Mask, MaskCounts } from '@hoop/core/gate';
import { HoldTimer } from '../shared/hold-timer.ts';
import { MaskStream } from '../shared/mask-stream.ts';
import { HOLDING, OutputGuard } from '../shared/output-guard.ts';
import { preparing } from '../shared/preparing.ts';

import { framesOf } from './words.ts';

export interface OutputPorts {
  readonly gate: Gate;
  /** What the client gets at most. */
  readonly bytesMax: number;
  toClient(bytes: Buffer): void | Promise<void>;
  /** What rules demand of the output now. */
  rules(): AnswerRules | undefined;
}

interface Stream {
  readonly mask: MaskStream;
  readonly guard: OutputGuard;
}

/** A command's output on its way to the client: looked at, masked, each stream for itself, and counted. */
export class Output {
  readonly #ports: OutputPorts;
  readonly #room: { left: number };
  readonly #streams = new Map<TerminalFrameKind, Stream>();
  readonly masked: MaskCounts = {};
  readonly #timer = new HoldTimer(
    () => void this.#flush(),
    () => this.#slowWrites > 0,
  );
  /** Writes that the client has not taken yet: the command is not read meanwhile. */
  #slowWrites = 0;
  /** What came before, where the mask has to ask somebody else about it. */
  #asking: Promise<void> | undefined;
  #isOver = false;
  bytes = 0;
  truncated = false;
  /** What a rule found in it. Nothing is passed on from then on. */
  denial: Denial | undefined;

  constructor(ports: OutputPorts) {
    this.#ports = ports;
    this.#room = { left: ports.bytesMax };
  }

  write(kind: TerminalFrameKind, payload: Buffer): void | Promise<void> {
    this.bytes += payload.length;
    const stream = this.#streamOf(kind);
    const { forbids } = this.#ports.rules() ?? {};
    this.denial ??= stream.guard.look(payload, forbids);
    if (this.denial) return undefined;
    const mask = this.#ports.gate.mask ?? (forbids ? HOLDING : undefined);
    if (!this.#asking && !mask?.prepare) return this.#pass(kind, stream, payload, mask);
    return this.#inTurn(async () => {
      if (mask) await preparing(mask, (trial) => stream.mask.copy().push(payload, trial, {}));
      if (!this.#isOver) await this.#pass(kind, stream, payload, mask);
    });
  }

  /** What is held back still, as frames; nothing more comes. What somebody would have to be asked about first is hidden. */
  end(): Buffer[] {
    this.#timer.stop();
    const frames = this.#isOver || this.denial ? [] : this.#flushed();
    this.#isOver = true;
    return frames;
  }

  /** What is held back now, as frames, because something else is to be shown behind it. More comes. */
  flush(): Buffer[] {
    this.#timer.stop();
    return this.#isOver || this.denial ? [] : this.#flushed();
  }

  /** The same as `end`, once they were asked. */
  finish(): Buffer[] | Promise<Buffer[]> {
    if (!this.#asking && !this.#ports.gate.mask?.prepare) return this.end();
    return this.#inTurn(() => this.#prepareHeld()).then(() => this.end());
  }

  #pass(kind: TerminalFrameKind, stream: Stream, payload: Buffer, mask: Mask | undefined): void | Promise<void> {
    // Without rules nothing is looked at and nothing held.
    const passed = mask || stream.mask.holds ? stream.mask.push(payload, mask, this.masked) : payload;
    if (stream.mask.holds) this.#timer.touch(passed.length > 0);
    return this.#send(this.#within(kind, passed));
  }

  #flush(): void | Promise<void> {
    if (!this.#asking && !this.#ports.gate.mask?.prepare) return this.#send(this.#flushed());
    return this.#inTurn(async () => {
      await this.#prepareHeld();
      if (!this.#isOver) await this.#send(this.#flushed());
    });
  }

  async #prepareHeld(): Promise<void> {
    const { mask } = this.#ports.gate;
    if (!mask) return;
    await preparing(mask, (trial) => {
      for (const { mask: stream } of this.#streams.values()) if (stream.holds) stream.copy().flush(trial, {});
    });
  }

  /** After everything that came before. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = (this.#asking ?? Promise.resolve()).then(work);
    const settled = turn.finally(() => {
      if (this.#asking === settled) this.#asking = undefined;
    });
    this.#asking = settled;
    return settled;
  }

  #streamOf(kind: TerminalFrameKind): Stream {
    const known = this.#streams.get(kind);
    if (known) return known;
    const stream = { mask: new MaskStream(), guard: new OutputGuard() };
    this.#streams.set(kind, stream);
    return stream;
  }

  #flushed(): Buffer[] {
    if (this.denial) return [];
    return [...this.#streams].flatMap(([kind, { mask: stream }]) =>
      stream.holds ? this.#within(kind, stream.flush(this.#ports.gate.mask, this.masked)) : [],
    );
  }

  #within(kind: TerminalFrameKind, bytes: Buffer): Buffer[] {
    const kept = bytes.length > this.#room.left ? bytes.subarray(0, this.#room.left) : bytes;
    if (kept.length < bytes.length) this.truncated = true;
    this.#room.left -= kept.length;
    return kept.length === 0 ? [] : framesOf(kind === TERMINAL_FRAMES.stderr ? TERMINAL_FRAMES.stderr : TERMINAL_FRAMES.stdout, kept);
  }

  #send(frames: readonly Buffer[]): void | Promise<void> {
    const slow = frames.length === 0 || this.denial ? undefined : this.#ports.toClient(Buffer.concat(frames));
    if (slow) {
      const taken = (): void => void this.#slowWrites--;
      this.#slowWrites++;
      slow.then(taken, taken);
    }
    return slow;
  }
}
