import { choosePorts } from '../../tools/demo/ports.ts';
import { Program } from '../support/program.ts';
import { until } from '../support/until.ts';
import { curlRate, largeBodies, socatTo } from './http-peers.ts';
import { HOOP, Product } from './product.ts';
import { median, table } from './stack.ts';

/** How fast do bytes pass through `hoop connect`, gateway and agent to a TCP service, as a share of direct and of socat, which is one hop in C? */
export interface TcpBenchOptions {
  readonly megabytes: number;
  readonly rounds: number;
}

export async function tcpBench(options: TcpBenchOptions, say: (line: string) => void): Promise<void> {
  await using target = await largeBodies();
  await using socat = await socatTo(target.port);
  await using product = await Product.start('gateway + agent');
  const { office, agentId } = product;
  await office.connection('bench', agentId, { HOST: '127.0.0.1', PORT: String(target.port) }, {}, { type: 'application', subtype: 'tcp' });
  const { local } = await choosePorts({ local: [] });
  const env = { HOOP_API_URL: office.apiUrl, HOOP_TOKEN: office.token, HOOP_TLS_SKIP_VERIFY: 'true' };
  const connect = new Program(HOOP, ['connect', 'bench', '-p', String(local.port)], { env });
  try {
    await until('hoop connect is ready', () => connect.stderr.includes('Ready to accept'));
    const ways = { direct: target.port, socat: socat.port, 'hoop connect + gateway + agent': local.port };
    for (const direction of ['down', 'up'] as const) {
      const rates = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
      for (let round = 0; round < options.rounds; round++) {
        for (const [name, port] of Object.entries(ways)) {
          rates.get(name)?.push(await curlRate(`http://127.0.0.1:${port}`, [], direction, options.megabytes * 1e6));
        }
      }
      const share = (name: string, peer: string): string =>
        median((rates.get(name) ?? []).map((rate, round) => rate / (rates.get(peer)?.[round] ?? Number.NaN))).toFixed(2);
      const rows = Object.keys(ways).map((name) => [
        name,
        Math.round(median(rates.get(name) ?? [])),
        share(name, 'direct'),
        share(name, 'socat'),
      ]);
      say(`\nTCP, ${options.megabytes} MB ${direction}\n\n${table(['way', 'MB/s', 'of direct', 'of socat'], rows)}`);
    }
  } finally {
    connect.child.kill('SIGKILL');
    await connect.done;
  }
}
