import type { Action, Outcome, Verdict } from '@hoop/core/action';
import { Gate } from '@hoop/core/gate';
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
}

/** A relay whose two sides are played by a test. What it lets pass is kept as messages. */
export class Played {
  readonly relay: SshRelay;
  readonly toTarget: Buffer[] = [];
  readonly toClient: Buffer[] = [];
  readonly actions: Recorded[] = [];

  constructor({ allow = {}, deny, late = false }: PlayedOptions = {}) {
    const judge = (action: Action): Verdict =>
      deny !== undefined && action.text.includes(deny) ? { allow: false, denial: { rule: 'no', message: `Not ${deny}` } } : { allow: true };
    const gate = new Gate(
      {
        revision: 0,
        mask: undefined,
        judge: (action) => (late && action.via !== 'subsystem' ? Promise.resolve().then(() => judge(action)) : judge(action)),
      },
      {
        intent: ({ via, text }, verdict) => void this.actions.push({ via, text, allowed: verdict.allow === true }),
        settled: (action, outcome) => {
          const found = this.actions.find((each) => each.text === action.text && each.allowed && !each.outcome);
          const { duration_us: _, ...rest } = outcome;
          if (found) found.outcome = rest;
        },
      },
    );
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
