import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Misconfigured, TargetFault } from '@hoop/core/errors';
import type { Wire } from '@hoop/core/wire';
import type { Progress } from '../output/events.ts';
import type { GatewayLink } from '../tunnel-port.ts';
import { LinkKeeper } from './link-keeper.ts';

/** A gateway whose links a test opens, breaks and refuses, and waits that pass at once. */
class Rig {
  readonly told: Progress[] = [];
  readonly waits_ms: number[] = [];
  readonly stop = new AbortController();
  readonly links: { readonly link: GatewayLink; break(): void }[] = [];
  /** What the next dials end with; a link where there is nothing. */
  readonly failures: Error[] = [];
  #settled = Promise.withResolvers<void>();

  start(): Promise<LinkKeeper> {
    return LinkKeeper.start({
      dial: async () => {
        const failure = this.failures.shift();
        if (failure) throw failure;
        return this.#open();
      },
      teller: {
        tell: (progress) => {
          this.told.push(progress);
          if (progress.status === 'connected') this.#settled.resolve();
        },
      },
      stop: this.stop.signal,
      pause: async (duration_ms) => void this.waits_ms.push(duration_ms),
      random: () => 0.5,
    });
  }

  /** Breaks the newest link and waits until there is another. */
  async breakAndRecover(): Promise<void> {
    this.#settled = Promise.withResolvers<void>();
    this.links.at(-1)?.break();
    await this.#settled.promise;
  }

  #open(): GatewayLink {
    const closed = Promise.withResolvers<void>();
    const number = this.links.length + 1;
    const link: GatewayLink = {
      open: async (connection) => ({ peer: `${connection} over link ${number}` }) as Wire,
      closed: closed.promise,
      close: () => closed.resolve(),
    };
    this.links.push({ link, break: () => closed.resolve() });
    return link;
  }
}

const away = () => new TargetFault('gateway_unreachable', 'The gateway cannot be reached');

test('streams go over the link there is, and over the next one when it broke', async () => {
  const rig = new Rig();
  const keeper = await rig.start();
  assert.equal((await keeper.open('demo')).peer, 'demo over link 1');
  await rig.breakAndRecover();
  assert.equal((await keeper.open('demo')).peer, 'demo over link 2');
  keeper.close();
});

test('waits double from half a second to thirty, and start again after a link', async () => {
  const rig = new Rig();
  const keeper = await rig.start();
  rig.failures.push(...Array.from({ length: 8 }, away));
  await rig.breakAndRecover();
  assert.deepEqual(rig.waits_ms, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  rig.waits_ms.length = 0;
  await rig.breakAndRecover();
  assert.deepEqual(rig.waits_ms, [500]);
  keeper.close();
});

test('a gateway that is away is told as waiting; what needs a person is told as an error', async () => {
  const rig = new Rig();
  const keeper = await rig.start();
  rig.failures.push(away(), new Misconfigured('gateway_certificate', 'The certificate is not trusted'));
  await rig.breakAndRecover();
  assert.deepEqual(
    rig.told.map(({ status }) => status),
    ['disconnected', 'disconnected', 'error', 'disconnected', 'connected'],
  );
  assert.equal(rig.told[2]?.message, 'The certificate is not trusted');
  keeper.close();
});

test('a first dial that fails is not tried again', async () => {
  const rig = new Rig();
  rig.failures.push(away());
  await assert.rejects(rig.start(), { code: 'gateway_unreachable' });
  assert.deepEqual(rig.waits_ms, []);
});

test('closing it, or stopping the command, dials no more', async () => {
  for (const end of ['close', 'stop'] as const) {
    const rig = new Rig();
    const keeper = await rig.start();
    if (end === 'stop') rig.stop.abort();
    keeper.close();
    await rig.links[0]?.link.closed;
    await new Promise(setImmediate);
    assert.deepEqual([rig.links.length, rig.told.length], [1, 0]);
  }
});
