import net from 'node:net';
import type { Action, Outcome, Verdict } from '@hoop/core/action';
import { ALLOW } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { Gate, type Mask } from '@hoop/core/gate';
import { silentLog } from '@hoop/core/log';
import type { Door } from '@hoop/core/protocol';
import { SocketWire } from '@hoop/core/wire';
import { postgres } from '@hoop/protocols/postgres/index';
import { type TestPostgres, USERS } from '../../support/test-postgres.ts';
import { until } from '../../support/until.ts';
import { WireClient } from './wire-client.ts';

/** What is demanded of answers, by the statement's text, and what is masked. */
export interface DoorwayRules {
  answer?(text: string): AnswerRules | undefined;
  readonly mask?: Mask;
}

/** An action as it was recorded. */
export interface Recorded {
  readonly text: string;
  outcome?: Outcome;
}

const SESSION = {
  id: 'one',
  connection: 'c',
  type: 'database',
  subtype: 'postgres',
  verb: 'connect',
  origin: 'test',
  user: { id: 'u', email: 'u@example.test' },
  command: [],
} as const;

/** The adapter alone between clients and a server, under rules that a test writes down as functions. */
export class Doorway {
  readonly port: number;
  readonly database: string;
  readonly actions: Recorded[] = [];
  /** Sessions by the key that their client has for cancels. */
  readonly #cancels = new Map<string, () => Promise<void>>();
  readonly #sockets = new Set<net.Socket>();
  readonly #server: net.Server;
  readonly #settings: Record<string, string>;
  readonly #rules: DoorwayRules;
  #keys = 0;

  private constructor(server: net.Server, target: TestPostgres, database: string, rules: DoorwayRules) {
    this.#server = server;
    this.port = (server.address() as net.AddressInfo).port;
    this.database = database;
    this.#settings = target.settings(database, { USER: USERS.trusted.user });
    this.#rules = rules;
  }

  static async open(target: TestPostgres, database: string, rules: DoorwayRules): Promise<Doorway> {
    const server = net.createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const doorway = new Doorway(server, target, database, rules);
    server.on('connection', (socket) => void doorway.#serve(socket).catch(() => socket.destroy()));
    return doorway;
  }

  /** Our own client, logged in. */
  async client(): Promise<WireClient> {
    const client = await WireClient.connect({ host: '127.0.0.1', port: this.port });
    await client.login({ user: 'anybody', password: '' });
    return client;
  }

  /** The newest action, once it has ended. */
  last(): Promise<Recorded> {
    return until('the newest action has ended', () => {
      const last = this.actions.at(-1);
      return last?.outcome && last;
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(socket: net.Socket): Promise<void> {
    this.#sockets.add(socket);
    const door: Door<string> = {
      tls: undefined,
      tlsRequired: false,
      proven: 'anybody',
      login: async () => 'anybody',
      cancel: (key) => void this.#cancels.get(key)?.(),
      mintCancelKey: (length) => (++this.#keys).toString(16).padStart(length * 2, '0'),
    };
    const accepted = await postgres.accept(new SocketWire(socket), door);
    if (!accepted) return;
    const settings = postgres.settings.parse(this.#settings);
    const target = await postgres.connect({ settings, hello: { ...accepted.hello, user: 'anybody' }, log: silentLog(), session: SESSION });
    const relay = target.relay({
      gate: this.#gate(),
      toTarget: (bytes) => target.wire.write(bytes),
      toClient: (bytes) => accepted.wire.write(bytes),
    });
    this.#cancels.set(accepted.hello.cancelKey ?? '', () => target.cancel());
    const end = (error?: unknown): void => {
      relay.end(undefined);
      target.wire.destroy();
      if (error) socket.destroy();
      else accepted.wire.end();
    };
    void accepted.wire.write(target.greeting);
    target.wire.pump((chunk) => relay.fromTarget(chunk)).then(() => end(), end);
    accepted.wire.pump((chunk) => relay.fromClient(chunk)).then(() => end(), end);
  }

  #gate(): Gate {
    const { actions } = this;
    const open = new Map<Action, Recorded>();
    const judge = ({ text }: Action): Verdict => {
      const answer = this.#rules.answer?.(text);
      return answer ? { allow: true, answer } : ALLOW;
    };
    return new Gate(
      { revision: 1, mask: this.#rules.mask, judge },
      {
        intent: (action) => {
          const recorded: Recorded = { text: action.text };
          open.set(action, recorded);
          actions.push(recorded);
        },
        settled: (action, outcome) => {
          const recorded = open.get(action);
          if (recorded) recorded.outcome = outcome;
        },
      },
    );
  }
}
