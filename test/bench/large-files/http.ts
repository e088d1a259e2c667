import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { runProgram } from '../../support/program.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import type { Product } from '../product.ts';
import { type Carrier, type Source, sha256Of, sha256OfFile } from './carrier.ts';

/** Uploads and downloads by curl. The target tells the hash of what it was sent. */
export async function httpCarrier({ office, agentId }: Product): Promise<Carrier> {
  let offered = '';
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') createReadStream(offered, { highWaterMark: 1 << 18 }).pipe(response);
    else void sha256Of(request).then((hash) => response.end(hash));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await office.connection('web', agentId, { REMOTE_URL: target }, {}, { type: 'application', subtype: 'httpproxy' });
  const { port, secret } = await office.credential('web');
  const file = join(temporaryDirectory('http'), 'file');
  const curl = async (...args: string[]): Promise<string> => {
    const common = ['-sS', '--fail', '-H', `Authorization: Bearer ${secret}`];
    const { exitCode, stdout, stderr } = await runProgram('curl', [...common, ...args, `http://127.0.0.1:${port}/file`]);
    if (exitCode !== 0) throw new Error(`curl ended with ${exitCode}: ${stderr}`);
    return stdout;
  };
  return {
    journeys: {
      'HTTP upload': ({ path }: Source) => curl('-T', path),
      'HTTP download': async ({ path }: Source) => {
        offered = path;
        await curl('-o', file);
        return sha256OfFile(file);
      },
    },
    [Symbol.asyncDispose]: async () => {
      server.close().closeAllConnections();
      await once(server, 'close');
    },
  };
}
