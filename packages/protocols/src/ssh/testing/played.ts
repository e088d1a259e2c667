import type { Action, Outcome, Verdict } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { Gate, type Mask, type Policy, type Shown } from '@hoop/core/gate';
import { encodeFrames, FrameReader } from '../../shared/frames.ts';
import { FRAME_BYTES_MAX } from '../limits.ts';
import { encodeMessage, MESSAGE, u32 } from '../messages.ts';
import { type Allowed, SshRelay } from '../relay.ts';

export interface Recorded {
  readonly via: string;
  readonly text: string;
  readonly allowed: boolean;
  outcome?: Omit<Outcome, 'duration_us'>;
}

export interface PlayedOptions {
  readonly allow?: Partial<Allowed>;
  /** Actions with this word are denied. */
  readonly deny?: string;
  /** Verdicts come later, as those of a decider that has to ask; not on subsystems, which are the tests' way in. */
  readonly late?: boolean;
  readonly mask?: Mask | undefined;
  /** What rules demand of every answer. */
  readonly answer?: AnswerRules;
}

/** A relay whose two sides are played by a test. What it lets pass is kept as messages. */
export class Played {
  readonly relay: SshRelay;
  readonly toTarget: Buffer[] = [];
  readonly toClient: Buffer[] = [];
  readonly actions: Recorded[] = [];
  /** What was recorded of terminals. */
  readonly shown: Shown[] = [];
  readonly #gate: Gate;
  readonly #policy: Policy;

  constructor({ allow = {}, deny, late = false, mask, answer }: PlayedOptions = {}) {
    const judge = (action: Action): Verdict =>
      deny !== undefined && action.text.includes(deny)
        ? { allow: false, denial: { rule: 'no', message: `Not ${deny}` } }
        : { allow: true, ...(answer ? { answer } : {}) };
    this.#policy = {
      revision: 0,
      mask,
      allowsAll: deny === undefined && !late,
      judge: (action) => (late && action.via !== 'subsystem' ? Promise.resolve().then(() => judge(action)) : judge(action)),
    };
    const gate = new Gate(this.#policy, {
      shown: (_, shown) => void this.shown.push({ ...shown, bytes: Buffer.from(shown.bytes) }),
      intent: ({ via, text }, verdict) => void this.actions.push({ via, text, allowed: verdict.allow === true }),
      settled: (action, outcome) => {
        const found = this.actions.find((each) => each.text === action.text && each.allowed && !each.outcome);
        const { duration_us: _, ...rest } = outcome;
        if (found) found.outcome = rest;
      },
    });
    this.#gate = gate;
    const [targetReader, clientReader] = [this.toTarget, this.toClient].map(
      (into) => new FrameReader(FRAME_BYTES_MAX, (message) => void into.push(Buffer.from(message))),
    );
    this.relay = new SshRelay(
      { gate, toTarget: (bytes) => targetReader?.push(bytes), toClient: (bytes) => clientReader?.push(bytes) },
      { localForward: false, remoteForward: false, pty: true, ...allow },
    );
  }

  client(...messages: readonly Buffer[]): void | Promise<void> {
    return this.relay.fromClient(encodeFrames(messages));
  }

  target(...messages: readonly Buffer[]): void | Promise<void> {
    return this.relay.fromTarget(encodeFrames(messages));
  }

  /** From now on values are hidden like this. */
  maskBy(mask: Mask | undefined): void {
    this.#gate.replacePolicy({ ...this.#policy, mask });
  }

  /** From now on actions with this word are denied, or nothing is judged. */
  forbid(word: string | undefined): void {
    const judge = ({ text }: Action): Verdict =>
      word !== undefined && text.includes(word) ? { allow: false, denial: { rule: 'no', message: `Not ${word}` } } : { allow: true };
    this.#gate.replacePolicy({ ...this.#policy, allowsAll: word === undefined, judge });
  }

  /** A command that runs. */
  exec(command: string, window = 2 ** 21): void {
    this.openSession(0, 100, window);
    void this.client(requestMessage(100, 'exec', command));
    void this.target(encodeMessage(MESSAGE.channelSuccess, 0));
    this.toTarget.length = 0;
    this.toClient.length = 0;
  }

  /** All that the client got as data of one kind. */
  said(kind: 'stdout' | 'stderr' = 'stdout'): string {
    const type = kind === 'stdout' ? MESSAGE.data : MESSAGE.extendedData;
    const from = kind === 'stdout' ? 9 : 13;
    return Buffer.concat(this.toClient.flatMap((message) => (message[0] === type ? [message.subarray(from)] : []))).toString();
  }

  /** How much more room the target was given. */
  granted(): number {
    return this.toTarget.reduce((sum, message) => (message[0] === MESSAGE.windowAdjust ? sum + message.readUInt32BE(5) : sum), 0);
  }

  /** A session channel, open on both sides. */
  openSession(clientId = 0, targetId = 100, window = 2 ** 21): void {
    void this.client(openMessage('session', clientId, window));
    void this.target(confirmMessage(clientId, targetId));
    this.toTarget.length = 0;
    this.toClient.length = 0;
  }

  /** A channel on which SFTP is spoken. */
  openSftp(): void {
    this.openSession();
    void this.client(requestMessage(100, 'subsystem', 'sftp'));
    void this.target(encodeMessage(MESSAGE.channelSuccess, 0));
    this.toTarget.length = 0;
    this.toClient.length = 0;
  }
}

export function openMessage(type: string, sender: number, window = 2 ** 21, ...more: readonly (string | number)[]): Buffer {
  return encodeMessage(MESSAGE.channelOpen, type, sender, window, 32_768, ...more);
}

export function confirmMessage(recipient: number, sender: number): Buffer {
  return encodeMessage(MESSAGE.openConfirmation, recipient, sender, 2 ** 21, 32_768);
}

export function requestMessage(recipient: number, name: string, ...more: readonly (string | number | Buffer)[]): Buffer {
  return encodeMessage(MESSAGE.channelRequest, recipient, name, true, ...more);
}

export function dataMessage(recipient: number, bytes: Buffer): Buffer {
  return encodeMessage(MESSAGE.data, recipient, bytes);
}

/** An SFTP packet: a type, a number, and fields. */
export function sftpPacket(type: number, id: number, ...fields: readonly (string | number | Buffer)[]): Buffer {
  const body = encodeMessage(type, id, ...fields);
  return Buffer.concat([u32(body.length), body]);
}
