import { runProgram } from '../support/program.ts';
import { curlRate, type Listening, largeBodies, proxyTo, shortAnswers } from './http-peers.ts';
import { Product, SHAPES } from './product.ts';
import { median, table } from './stack.ts';

/**
 * How many requests a second pass, and how fast large bodies, as a share of direct and of a proxy in C? wrk makes the load, curl
 * takes and sends what is large. Without TLS on the client's side: what is compared is what stands in between.
 */
export interface HttpBenchOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly clients: readonly number[];
  readonly megabytes: number;
}

interface Way {
  readonly name: string;
  readonly url: string;
  /** For wrk and curl alike. */
  readonly args: readonly string[];
}

const HTTP = { type: 'application', subtype: 'httpproxy' } as const;

export async function httpBench(options: HttpBenchOptions, say: (line: string) => void): Promise<void> {
  const running: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(each: T): T => {
    running.push(each);
    return each;
  };
  try {
    const products: Product[] = [];
    for (const shape of SHAPES) products.push(keep(await Product.start(shape)));
    const short = await waysTo('short', keep(await shortAnswers()), products, keep);
    for (const clients of options.clients) {
      say(`\nHTTP, ${clients} ${clients === 1 ? 'client' : 'clients'}\n`);
      say(await compare(short, options.rounds, 'requests/s', (way) => requestsPerSecond(way, clients, options.seconds)));
    }
    const large = await waysTo('large', keep(await largeBodies()), products, keep);
    const bytes = Math.round(options.megabytes * 1e6);
    for (const direction of ['down', 'up'] as const) {
      say(`\nHTTP, ${options.megabytes} MB ${direction}\n`);
      say(await compare(large, options.rounds, 'MB/s', ({ url, args }) => curlRate(url, args, direction, bytes)));
    }
  } finally {
    for (const each of running.reverse()) await each[Symbol.asyncDispose]();
  }
}

async function waysTo(
  name: string,
  target: Listening,
  products: readonly Product[],
  keep: (proxy: Listening) => Listening,
): Promise<Way[]> {
  const proxy = keep(await proxyTo(target.port));
  const ways: Way[] = [
    { name: 'direct', url: `http://127.0.0.1:${target.port}`, args: [] },
    { name: 'haproxy', url: `http://127.0.0.1:${proxy.port}`, args: [] },
  ];
  for (const { shape, office, agentId } of products) {
    await office.connection(name, agentId, { REMOTE_URL: `http://127.0.0.1:${target.port}` }, {}, HTTP);
    const { port, secret } = await office.credential(name);
    ways.push({ name: shape, url: `http://127.0.0.1:${port}`, args: ['-H', `Authorization: Bearer ${secret}`] });
  }
  return ways;
}

/** Everything takes turns; shares are those of a round, whose ways were measured at about the same time. */
async function compare(ways: readonly Way[], rounds: number, unit: string, measure: (way: Way) => Promise<number>): Promise<string> {
  const measured = new Map<string, number[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) for (const way of ways) measured.get(way.name)?.push(await measure(way));
  const share = (name: string, peer: string): string =>
    median((measured.get(name) ?? []).map((value, round) => value / (measured.get(peer)?.[round] ?? Number.NaN))).toFixed(2);
  const rows = ways.map(({ name }) => [name, Math.round(median(measured.get(name) ?? [])), share(name, 'direct'), share(name, 'haproxy')]);
  return table(['way', unit, 'of direct', 'of haproxy'], rows);
}

async function requestsPerSecond({ name, url, args }: Way, clients: number, seconds: number): Promise<number> {
  const { stdout, stderr } = await runProgram('wrk', ['-t1', `-c${clients}`, `-d${seconds}s`, ...args, `${url}/`]);
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!(rate > 0) || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk through ${name} said: ${stdout}${stderr}`);
  return rate;
}
