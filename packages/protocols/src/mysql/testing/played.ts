import { type Action, ALLOW, type Outcome, type Verdict } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { Gate, type Mask, type Policy } from '@hoop/core/gate';
import { MysqlRelay } from '../relay.ts';
import { server } from './packets.ts';

/** One turn of a conversation: what the client or the server says. */
export interface Turn {
  readonly by: 'client' | 'server';
  readonly bytes: Buffer;
}

export const clientSays = (...packets: readonly Buffer[]): Turn => ({ by: 'client', bytes: Buffer.concat(packets) });
export const serverSays = (...packets: readonly Buffer[]): Turn => ({ by: 'server', bytes: Buffer.concat(packets) });

/** What came out of a relay, and what its audit says. */
export interface Played {
  readonly toTarget: string;
  readonly toClient: string;
  readonly audit: readonly string[];
  readonly relay: MysqlRelay;
  /** How many bytes had gone to the target, each time it was asked to stop. */
  readonly stops: readonly number[];
}

export interface PlayOptions {
  readonly judge?: (text: string) => Verdict | Promise<Verdict>;
  readonly mask?: Mask;
  /** For rules that change in the middle. */
  readonly maskNow?: () => Mask | undefined;
  /** What rules demand of every answer. */
  readonly answer?: AnswerRules;
  /** Resolves when the target has been asked to stop. */
  readonly stop?: () => Promise<void>;
  /** The server answers the relay's own pings at the end of its turn. */
  readonly answersPings?: boolean;
  readonly onTarget?: (bytes: Buffer) => void;
  readonly onClient?: (bytes: Buffer) => void;
  /** Cuts a turn into the pieces that arrive one by one. */
  readonly cut?: (bytes: Buffer) => readonly Buffer[];
}

/** A policy that denies texts with a word in them. */
export function denying(word: string): (text: string) => Verdict {
  return (text) => (text.includes(word) ? { allow: false, denial: { rule: 'test', message: `no ${word}` } } : ALLOW);
}

/** Plays a conversation through a relay, without a socket anywhere. */
export async function played(turns: readonly Turn[], options: PlayOptions = {}): Promise<Played> {
  const {
    answer,
    judge = () => (answer ? { allow: true, answer } : ALLOW),
    mask,
    maskNow = () => mask,
    cut = (bytes) => [bytes],
    stop,
  } = options;
  const toTarget: Buffer[] = [];
  const toClient: Buffer[] = [];
  const audit: string[] = [];
  const stops: number[] = [];
  const policy: Policy = {
    revision: 1,
    get mask() {
      return maskNow();
    },
    judge: (action: Action) => judge(action.text),
  };
  const sink = {
    intent: ({ seq, via, text }: Action, verdict: Verdict) => audit.push(`${seq} ${via} ${verdict.allow ? 'allow' : 'deny'} ${text}`),
    settled: ({ seq }: Action, { rows, error, masked }: Outcome) =>
      audit.push(`${seq} settled rows=${rows} error=${error ?? ''} masked=${JSON.stringify(masked ?? {})}`),
  };
  const ports = {
    gate: new Gate(policy, sink, { now: () => 0, micros: () => 0 }),
    toTarget: (bytes: Buffer) => {
      toTarget.push(Buffer.from(bytes));
      options.onTarget?.(bytes);
    },
    toClient: (bytes: Buffer) => {
      toClient.push(Buffer.from(bytes));
      options.onClient?.(bytes);
    },
  };
  const relay = new MysqlRelay(ports, {
    owner: { connection: 'c', userId: 'u' },
    user: 'ada',
    version: '10.11.6-MariaDB',
    stop: () => {
      stops.push(Buffer.concat(toTarget).length);
      return stop?.() ?? Promise.resolve();
    },
  });
  let pings = 0;
  for (const { by, bytes } of turns) {
    // A copy: whoever keeps a piece must not see it change.
    for (const piece of cut(bytes)) await (by === 'client' ? relay.fromClient(Buffer.from(piece)) : relay.fromTarget(Buffer.from(piece)));
    for (; options.answersPings && by === 'server' && pings < stops.length; pings++) await relay.fromTarget(server.ok(1));
  }
  const text = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString('latin1');
  return { toTarget: text(toTarget), toClient: text(toClient), audit, relay, stops };
}
