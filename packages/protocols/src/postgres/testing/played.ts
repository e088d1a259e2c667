import type { Action, Outcome, Verdict } from '@hoop/core/action';
import { ALLOW } from '@hoop/core/action';
import { Gate, type Mask, type Policy } from '@hoop/core/gate';
import { PostgresRelay } from '../relay.ts';

/** One turn of a conversation: what the client or the server says. */
export interface Turn {
  readonly by: 'client' | 'server';
  readonly bytes: Buffer;
}

export const clientSays = (...messages: readonly Buffer[]): Turn => ({ by: 'client', bytes: Buffer.concat(messages) });
export const serverSays = (...messages: readonly Buffer[]): Turn => ({ by: 'server', bytes: Buffer.concat(messages) });

/** What came out of a relay, and what its audit says. */
export interface Played {
  readonly toTarget: string;
  readonly toClient: string;
  readonly audit: readonly string[];
}

export interface PlayOptions {
  readonly judge?: (text: string) => Verdict | Promise<Verdict>;
  readonly mask?: Mask;
  /** Cuts a turn into the pieces that arrive one by one. */
  readonly cut?: (bytes: Buffer) => readonly Buffer[];
}

/** A policy that denies texts with a word in them. */
export function denying(word: string): (text: string) => Verdict {
  return (text) => (text.includes(word) ? { allow: false, denial: { rule: 'test', message: `no ${word}` } } : ALLOW);
}

/** Plays a conversation through a relay, without a socket anywhere. Names that differ each time are replaced. */
export async function played(turns: readonly Turn[], options: PlayOptions = {}): Promise<Played> {
  const toTarget: Buffer[] = [];
  const toClient: Buffer[] = [];
  const audit: string[] = [];
  const relay = newRelay(options, { toTarget, toClient, audit });
  for (const { by, bytes } of turns) {
    for (const piece of options.cut?.(bytes) ?? [bytes]) {
      // A copy: whoever keeps a piece must not see it change.
      await (by === 'client' ? relay.fromClient(Buffer.from(piece)) : relay.fromTarget(Buffer.from(piece)));
    }
  }
  return { toTarget: steady(toTarget), toClient: steady(toClient), audit };
}

export function newRelay(
  options: PlayOptions,
  out: { readonly toTarget: Buffer[]; readonly toClient: Buffer[]; readonly audit: string[] },
): PostgresRelay {
  const { judge = () => ALLOW, mask } = options;
  const policy: Policy = { revision: 1, mask, judge: (action: Action) => judge(action.text) };
  const sink = {
    intent: ({ seq, via, text }: Action, verdict: Verdict) => out.audit.push(`${seq} ${via} ${verdict.allow ? 'allow' : 'deny'} ${text}`),
    settled: ({ seq }: Action, { rows, bytes, error, masked }: Outcome) =>
      out.audit.push(`${seq} settled rows=${rows} bytes=${bytes} error=${error ?? ''} masked=${JSON.stringify(masked ?? {})}`),
  };
  const gate = new Gate(policy, sink, { now: () => 0, micros: () => 0 });
  const ports = {
    gate,
    toTarget: (bytes: Buffer) => void out.toTarget.push(Buffer.from(bytes)),
    toClient: (bytes: Buffer) => void out.toClient.push(Buffer.from(bytes)),
  };
  return new PostgresRelay(ports, async () => void out.audit.push('cancel'));
}

function steady(parts: readonly Buffer[]): string {
  return Buffer.concat(parts)
    .toString('latin1')
    .replace(/hoop_denied_[0-9a-f]{24}/g, 'hoop_denied_');
}
