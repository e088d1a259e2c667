import type { Action, LaterPart, Outcome, Verdict } from '@hoop/core/action';
import { Gate, type Mask } from '@hoop/core/gate';
import type { Message } from '../message.ts';
import { HttpRelay } from '../relay.ts';
import { collecting } from './collecting.ts';

/** A relay with everything that left it, message by message. */
export class Bench {
  readonly relay: HttpRelay;
  readonly toTarget: Message[] = [];
  readonly toClient: Message[] = [];
  readonly asked: Action[] = [];
  readonly settled: Omit<Outcome, 'duration_us'>[] = [];

  /** @param judgeMore what rules say of what a body goes on with; without it none looks at text */
  constructor(
    judge: (action: Action) => Verdict | Promise<Verdict> = () => ({ allow: true }),
    mask?: Mask,
    judgeMore?: (part: LaterPart) => Verdict,
  ) {
    const audit = {
      intent: (action: Action) => void this.asked.push(action),
      settled: (_action: Action, outcome: Outcome) => void this.settled.push(outcome),
    };
    const [target, client] = [collecting(this.toTarget), collecting(this.toClient)];
    this.relay = new HttpRelay({
      gate: new Gate({ revision: 1, judge, mask, ...(judgeMore ? { judgeMore } : {}) }, audit),
      toTarget: (bytes) => target.feed(bytes),
      toClient: (bytes) => client.feed(bytes),
    });
  }

  get told(): [number, number, string][] {
    return this.toTarget.map(({ kind, exchange, payload }) => [kind, exchange, payload.toString()]);
  }
}
