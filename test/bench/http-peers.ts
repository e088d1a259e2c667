import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { choosePorts } from '../../tools/demo/ports.ts';
import { Program, runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

/** Something that listens for as long as it is measured. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

/** HAProxy with these lines in its one section. */
async function haproxy(lines: readonly string[], ask: (port: number) => Promise<boolean>): Promise<Listening> {
  const { front } = await choosePorts({ front: [] });
  const file = join(temporaryDirectory('haproxy'), 'haproxy.cfg');
  const timeouts = ['connect', 'client', 'server'].map((what) => `  timeout ${what} 60s`);
  writeFileSync(file, [...['defaults', ...timeouts, 'listen one', `  bind 127.0.0.1:${front.port}`], ...lines, ''].join('\n'));
  const program = new Program('haproxy', ['-db', '-f', file]);
  await until('haproxy answers', () => ask(front.port));
  return { port: front.port, [Symbol.asyncDispose]: () => end(program) };
}

/** A service in C that answers each request with a few bytes. */
export function shortAnswers(): Promise<Listening> {
  const answer = '  http-request return status 200 content-type text/plain lf-string "short answer"';
  return haproxy(['  mode http', '  option http-keep-alive', answer], answers);
}

/** A proxy in C, one hop. */
export function proxyTo(port: number): Promise<Listening> {
  return haproxy(['  mode http', '  option http-keep-alive', '  http-reuse always', `  server target 127.0.0.1:${port}`], answers);
}

/** A forwarder in C that passes bytes on, one hop. */
export async function socatTo(port: number): Promise<Listening> {
  const { front } = await choosePorts({ front: [] });
  const listen = `TCP-LISTEN:${front.port},bind=127.0.0.1,reuseaddr,fork`;
  const program = new Program('socat', ['-b', '65536', listen, `TCP:127.0.0.1:${port}`]);
  await until('socat forwards', () => answers(front.port));
  return { port: front.port, [Symbol.asyncDispose]: () => end(program) };
}

/** A service that sends and takes as many bytes as it is asked for. */
export async function largeBodies(): Promise<Listening> {
  const piece = Buffer.alloc(256 * 1024);
  const server = http.createServer((request, response) => {
    if (request.method !== 'GET') {
      request.resume().once('end', () => response.end());
      return;
    }
    let left = Number(request.url?.slice(1) || 0);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': left });
    const send = (): void => {
      while (left > 0) {
        const bytes = piece.subarray(0, Math.min(left, piece.length));
        left -= bytes.length;
        if (!response.write(bytes)) return void response.once('drain', send);
      }
      response.end();
    };
    send();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const close = async (): Promise<void> => void server.close().closeAllConnections();
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close };
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/0`).then(
    ({ status }) => status === 200,
    () => false,
  );
}

async function end(program: Program): Promise<void> {
  program.child.kill('SIGKILL');
  await program.done;
}

/** How fast curl gets so many bytes, or sends a file of zeros, in MB/s. */
export async function curlRate(url: string, args: readonly string[], direction: 'down' | 'up', bytes: number): Promise<number> {
  const what = direction === 'down' ? `${url}/${bytes}` : url;
  const how = direction === 'down' ? ['-o', '/dev/null'] : ['-o', '/dev/null', '-H', 'Expect:', '-T', zeros(bytes)];
  const began = performance.now();
  const { exitCode, stderr } = await runProgram('curl', ['-sS', '--fail', ...how, ...args, what]);
  if (exitCode !== 0) throw new Error(`curl of ${url} ended with ${exitCode}: ${stderr}`);
  return bytes / 1e3 / (performance.now() - began);
}

const files = new Map<number, string>();

function zeros(bytes: number): string {
  const path = files.get(bytes) ?? join(temporaryDirectory('zeros'), 'zeros');
  if (!files.has(bytes)) writeFileSync(path, Buffer.alloc(bytes));
  files.set(bytes, path);
  return path;
}
