import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { Answer, Client, ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';

/** What is used of the library as a client, through what it documents. */
export interface Ssh2Client extends NodeJS.EventEmitter {
  connect(options: Readonly<Record<string, unknown>>): void;
  exec(command: string, options: object, done: (error: Error | undefined, channel: Ssh2Channel) => void): void;
  shell(window: object, done: (error: Error | undefined, channel: Ssh2Channel) => void): void;
  subsys(name: string, done: (error: Error | undefined, channel: Ssh2Channel) => void): void;
  forwardOut(
    from: string,
    fromPort: number,
    to: string,
    toPort: number,
    done: (error: Error | undefined, channel: Ssh2Channel) => void,
  ): void;
  end(): void;
  destroy(): void;
}

export interface Ssh2Channel extends Duplex {
  readonly stderr: Duplex;
  signal(name: string): void;
  setWindow(rows: number, columns: number, height: number, width: number): void;
  close(): void;
}

const { Client: Library } = createRequire(import.meta.url)('ssh2') as { Client: new () => Ssh2Client };

/** A session as a program has it. Rejects with the words that the client was told. */
export function openSsh2(
  place: Place,
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ client: Ssh2Client; ended: Promise<string> }> {
  const client = new Library();
  const told: string[] = [];
  const ended = new Promise<string>((resolve) => client.once('close', () => resolve(told.join('\n'))));
  return new Promise((resolve, reject) => {
    client.on('banner', (words: string) => told.push(words.trim()));
    client.on('error', (error: Error) => told.push(error.message));
    client.once('ready', () => resolve({ client, ended }));
    void ended.then((words) => reject(new Error(words)));
    const { host, port, user: username, secret: password } = place;
    client.connect({ host, port, username, password, tryKeyboard: false, readyTimeout: 60_000, keepaliveInterval: 0, ...more });
  });
}

/** The ssh2 library, which keeps one connection and runs each command on a channel of its own. */
class Ssh2Session implements Client {
  readonly ended: Promise<string>;
  readonly #client: Ssh2Client;
  #running: Ssh2Channel | undefined;

  constructor(client: Ssh2Client, ended: Promise<string>) {
    this.#client = client;
    this.ended = ended;
  }

  ask(text: string): Promise<Answer> {
    return new Promise((resolve) => {
      const gone = (words: string): void => resolve({ rows: [], error: words || 'the connection closed' });
      void this.ended.then(gone);
      try {
        this.#client.exec(text, {}, (error, channel) => {
          if (error) gone(error.message);
          else this.#collect(channel, resolve);
        });
      } catch (error) {
        gone((error as Error).message);
      }
    });
  }

  async cancel(): Promise<void> {
    this.#running?.signal('INT');
  }

  vanish(): void {
    this.#client.destroy();
  }

  stall(): void {
    // The library reads on whatever its channels do; only its socket can stand still.
    (this.#client as unknown as { _sock: Duplex })._sock.pause();
  }

  async leave(): Promise<void> {
    this.#client.end();
    await this.ended;
  }

  #collect(channel: Ssh2Channel, resolve: (answer: Answer) => void): void {
    this.#running = channel;
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    let end: { code: number | null; signal?: string } | undefined;
    channel.on('data', (bytes: Buffer) => out.push(bytes));
    channel.stderr.on('data', (bytes: Buffer) => err.push(bytes));
    channel.on('exit', (code: number | null, signal?: string) => {
      end = { code, ...(signal ? { signal } : {}) };
    });
    channel.on('close', () => {
      const rows = Buffer.concat(out).toString('utf8').split('\n').slice(0, -1);
      const words = Buffer.concat(err).toString('utf8').trim();
      // A channel that says nothing of how it ended has gone down with its connection, which has the words.
      if (end === undefined) void this.ended.then((last) => resolve({ rows, error: last || words }));
      else if (end.code === 0) resolve({ rows });
      else resolve({ rows, error: end.signal ? `cancelled by ${end.signal} ${words}` : `${words} (exit status ${end.code})` });
    });
  }
}

export const ssh2: ClientKind = {
  name: 'ssh2',
  skills: new Set(['cancel', 'vanish', 'stall', 'last-words', 'notices the end']),
  async open(place) {
    const { client, ended } = await openSsh2(place);
    const session = new Ssh2Session(client, ended);
    // Whether the host is there is known only when something is asked of it. What a session refuses, it refuses by its agent.
    const words = await new Promise<string>((resolve) => {
      client.forwardOut('127.0.0.1', 1, '127.0.0.1', 1, (error) => resolve(error?.message ?? 'it was let through'));
      // The library throws when the gateway has ended the connection before this could be asked.
    }).catch((error: Error) => error.message);
    if (/switched off/.test(words)) return session;
    client.end();
    throw new Error(`${await ended} ${words}`);
  },
};
