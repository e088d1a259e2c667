import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { plainEnv } from '../../../support/env.ts';
import type { Answer, Client, ClientKind } from '../../column.ts';
import type { Place } from '../../place.ts';

interface Reply {
  readonly id?: number;
  readonly closed?: number;
  readonly rows?: string[];
  readonly error?: string;
  readonly kind?: string;
  readonly value?: unknown;
}

/** The process that holds the drivers of Python; one for all sessions of a test file. */
export class PythonClients {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly #closed = new Map<number, () => void>();
  #ids = 0;

  constructor() {
    const script = fileURLToPath(new URL('python-clients.py', import.meta.url));
    const child = spawn('/usr/bin/python3', [script], { env: plainEnv(), stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as Reply));
    child.once('exit', () => {
      for (const [id, resolve] of this.#waiting) resolve({ id, error: 'Python has ended' });
    });
    this.#child = child;
  }

  #hear(reply: Reply): void {
    if (reply.closed !== undefined) this.#closed.get(reply.closed)?.();
    if (reply.id === undefined) return;
    this.#waiting.get(reply.id)?.(reply);
    this.#waiting.delete(reply.id);
  }

  /** @returns the request's id and its answer */
  request(request: Readonly<Record<string, unknown>>): { id: number; reply: Promise<Reply> } {
    const id = ++this.#ids;
    const reply = new Promise<Reply>((resolve) => this.#waiting.set(id, resolve));
    this.#child.stdin?.write(`${JSON.stringify({ ...request, id })}\n`);
    return { id, reply };
  }

  /** @throws Error with the driver's words */
  async open({ host, port, user, secret }: Place, ssl = 'require', database = user): Promise<PythonSession> {
    const { id, reply } = this.request({ op: 'open', host, port, user, password: secret, database, ssl });
    const ended = new Promise<string>((resolve) => this.#closed.set(id, () => resolve('')));
    const { error } = await reply;
    if (error !== undefined) throw new Error(error);
    return new PythonSession(this, id, ended);
  }

  stop(): void {
    this.#child.stdin?.end();
  }
}

export class PythonSession implements Client {
  readonly ended: Promise<string>;
  readonly #clients: PythonClients;
  readonly #id: number;

  constructor(clients: PythonClients, id: number, ended: Promise<string>) {
    this.#clients = clients;
    this.#id = id;
    this.ended = ended;
  }

  async ask(text: string): Promise<Answer> {
    const { rows = [], error } = await this.#say({ op: 'ask', text });
    return error === undefined ? { rows } : { rows, error };
  }

  async cancel(): Promise<void> {
    await this.#say({ op: 'cancel' });
  }

  /** Runs `async def main(connection)`; resolves with what it returns. @throws Error with the driver's words */
  async run(code: string): Promise<unknown> {
    const { value, error, kind } = await this.#say({ op: 'run', code });
    if (error !== undefined) throw new Error(`${kind}: ${error}`);
    return value;
  }

  async leave(): Promise<void> {
    await this.#say({ op: 'close' });
  }

  #say(request: Readonly<Record<string, unknown>>): Promise<Reply> {
    return this.#clients.request({ ...request, session: this.#id }).reply;
  }
}

/** asyncpg: always the extended protocol, named statements, the binary format. */
export function asyncpgClients(clients: PythonClients): ClientKind {
  return { name: 'asyncpg', skills: new Set(['cancel', 'notices the end']), open: (place) => clients.open(place) };
}
