import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { type Action, ALLOW, type Outcome } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { Gate, type Mask } from '@hoop/core/gate';
import { silentLog } from '@hoop/core/log';
import type { Door } from '@hoop/core/protocol';
import { sessionFacts } from '@hoop/core/testing/session-facts';
import { SocketWire, type Wire } from '@hoop/core/wire';
import { accept } from '@hoop/protocols/mysql/accept';
import { connect } from '@hoop/protocols/mysql/connect';
import { MysqlSettings } from '@hoop/protocols/mysql/settings';
import type { Place } from '../place.ts';

/** What is demanded of the answers of sessions that begin from now on. */
export interface Demands {
  readonly answer?: AnswerRules;
  readonly mask?: Mask;
}

/** How an action of such a session ended. */
export interface Ended {
  readonly text: string;
  readonly outcome: Outcome;
}

/**
 * The adapter alone between a client and a server, without gateway, agent and rules as people write them: what is demanded of answers
 * is given as the adapter gets it.
 */
export class AnswerDoor {
  readonly place: Place;
  readonly ended: Ended[] = [];
  demands: Demands = {};
  readonly #server: net.Server;
  readonly #settings: MysqlSettings;
  readonly #wires = new Set<Wire>();

  private constructor(server: net.Server, settings: MysqlSettings) {
    this.#server = server;
    this.#settings = settings;
    this.place = { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port, user: 'anybody', secret: 'anything' };
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      this.#session(new SocketWire(socket)).catch(() => socket.destroy());
    });
  }

  static async open(settings: Readonly<Record<string, string>>): Promise<AnswerDoor> {
    const server = net.createServer({ pauseOnConnect: true });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new AnswerDoor(server, MysqlSettings.parse(settings));
  }

  close(): void {
    this.#server.close();
    for (const wire of this.#wires) wire.destroy();
  }

  async #session(client: Wire): Promise<void> {
    this.#wires.add(client);
    const { answer, mask } = this.demands;
    const accepted = await accept(client, everybodysDoor);
    if (!accepted) return;
    const target = await connect({ settings: this.#settings, hello: accepted.hello, log: silentLog(), session: sessionFacts() });
    this.#wires.add(target.wire);
    const judge = () => (answer ? { allow: true as const, answer } : ALLOW);
    const gate = new Gate(
      { revision: 1, mask, judge },
      { intent: () => undefined, settled: ({ text }: Action, outcome: Outcome) => void this.ended.push({ text, outcome }) },
    );
    const { wire } = accepted;
    const relay = target.relay({ gate, toTarget: (bytes) => target.wire.write(bytes), toClient: (bytes) => wire.write(bytes) });
    await wire.write(target.greeting);
    try {
      await Promise.race([wire.pump((chunk) => relay.fromClient(chunk)), target.wire.pump((chunk) => relay.fromTarget(chunk))]);
    } finally {
      relay.end(undefined);
      target.wire.end();
      wire.end();
    }
  }
}

const everybodysDoor: Door<string> = {
  tls: undefined,
  tlsRequired: false,
  proven: undefined,
  login: () => Promise.resolve('granted'),
  cancel: () => undefined,
  mintCancelKey: (length) => randomBytes(length).toString('hex'),
};
