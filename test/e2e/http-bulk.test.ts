import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, writeFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Product } from '../bench/product.ts';
import { residentMiB } from '../bench/stack.ts';
import { runProgram } from '../support/program.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const MIB = 1 << 20;
const LARGE_MIB = 256;

/** What a process may grow by while something large passes: its buffers, and what its collector has not taken yet. */
const GROWTH_MIB_MAX = 180;

describe('large things through gateway and agent as processes of their own', () => {
  const file = join(temporaryDirectory('large'), 'file');
  const kept = createHash('sha256');
  let target: http.Server;
  let product: Product;
  let url: string;
  let secret: string;
  let uploaded = '';
  before(async () => {
    const block = Buffer.alloc(MIB);
    writeFileSync(file, '');
    for (let at = 0; at < LARGE_MIB; at++) {
      block.fill(createHash('sha512').update(String(at)).digest());
      kept.update(block);
      writeFileSync(file, block, { flag: 'a' });
    }
    target = http.createServer((request, response) => {
      if (request.url === '/small') return void response.end('small');
      if (request.url === '/endless') {
        const more = (): void => {
          while (response.write(block));
          response.once('drain', more);
        };
        return more();
      }
      if (request.method === 'GET') return void createReadStream(file).pipe(response);
      const hash = createHash('sha256');
      request.on('data', (piece: Buffer) => hash.update(piece));
      request.once('end', () => {
        uploaded = hash.digest('hex');
        response.end(uploaded);
      });
    });
    await once(target.listen(0, '127.0.0.1'), 'listening');
    product = await Product.start('gateway + agent');
    const settings = { REMOTE_URL: `http://127.0.0.1:${(target.address() as AddressInfo).port}` };
    await product.office.connection('large', product.agentId, settings, {}, { type: 'application', subtype: 'httpproxy' });
    const access = await product.office.credential('large');
    secret = access.secret;
    url = `http://127.0.0.1:${access.port}`;
    await runProgram('curl', ['-sS', '-H', `Authorization: ${secret}`, `${url}/small`]);
  });
  after(async () => {
    await product[Symbol.asyncDispose]();
    target.close().closeAllConnections();
  });

  /** The most that each process has while something is done, above what it had before. */
  async function grownBy(work: () => Promise<unknown>): Promise<number[]> {
    const before_MiB = product.processes.map(({ pid }) => residentMiB(pid));
    const most_MiB = [...before_MiB];
    const timer = setInterval(() => {
      for (const [at, { pid }] of product.processes.entries()) most_MiB[at] = Math.max(most_MiB[at] ?? 0, residentMiB(pid));
    }, 50);
    try {
      await work();
    } finally {
      clearInterval(timer);
    }
    return most_MiB.map((most, at) => most - (before_MiB[at] ?? 0));
  }

  test('a file of 256 MiB goes up and comes down whole, in both versions, and no process grows with it', async () => {
    const expected = kept.digest('hex');
    for (const version of ['--http1.1', '--http2-prior-knowledge']) {
      const args = ['-sS', version, '--fail', '-H', `Authorization: Bearer ${secret}`, '-H', 'Expect:'];
      const copy = `${file}.copy`;
      const grown = await grownBy(async () => {
        const up = await runProgram('curl', [...args, '-T', file, `${url}/up`]);
        assert.deepEqual([up.exitCode, up.stdout, uploaded], [0, expected, expected], up.stderr);
        const down = await runProgram('curl', [...args, '-o', copy, `${url}/down`]);
        assert.equal(down.exitCode, 0, down.stderr);
      });
      const hash = createHash('sha256');
      for await (const piece of createReadStream(copy)) hash.update(piece as Buffer);
      assert.equal(hash.digest('hex'), expected);
      for (const [at, { name }] of product.processes.entries())
        assert.ok((grown[at] ?? 0) < GROWTH_MIB_MAX, `${name} grew by ${grown[at]} MiB (${version})`);
    }
  });

  test('A39: a reader that stands still holds back its own answer only, also on the same connection', async () => {
    const session = http2.connect(url);
    const headers = { authorization: `Bearer ${secret}` };
    const grown = await grownBy(async () => {
      const stalled = session.request({ ':path': '/endless', ...headers });
      stalled.on('error', () => undefined);
      await once(stalled, 'response');
      for (let time = 0; time < 50; time++) {
        const stream = session.request({ ':path': time === 25 ? '/down' : '/small', ...headers });
        let bytes = 0;
        for await (const chunk of stream) bytes += (chunk as Buffer).length;
        assert.equal(bytes, time === 25 ? LARGE_MIB * MIB : 5);
      }
      // It goes on where it stood.
      let more = 0;
      stalled.on('data', (chunk: Buffer) => {
        more += chunk.length;
      });
      await until('it goes on', () => more > 4 * MIB);
      stalled.close();
    });
    session.destroy();
    for (const [at, { name }] of product.processes.entries())
      assert.ok((grown[at] ?? 0) < GROWTH_MIB_MAX, `${name} grew by ${grown[at]} MiB`);
  });
});
