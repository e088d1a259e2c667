import { connect } from 'node:net';
import { choosePorts } from '../../tools/demo/ports.ts';
import { Program } from './program.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

/** A real Redis server of a test's own, with a password. */
export class TestRedis {
  readonly port: number;
  readonly password = 'redis-secret';
  readonly #program: Program;

  private constructor(port: number) {
    this.port = port;
    const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--requirepass', this.password];
    this.#program = new Program('redis-server', options, { cwd: temporaryDirectory('redis') });
  }

  static async start(): Promise<TestRedis> {
    const { server } = await choosePorts({ server: [] });
    const redis = new TestRedis(server.port);
    await until('redis listens', () => answers(server.port));
    return redis;
  }

  async stop(): Promise<void> {
    this.#program.child.kill('SIGTERM');
    await this.#program.done;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
