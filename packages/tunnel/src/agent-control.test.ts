import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import {
  type AgentHello,
  type AgentMessage,
  FRAME_KINDS,
  type LogEntry,
  TUNNEL_PATHS,
  TUNNEL_VERSION,
  TUNNEL_VERSION_MIN,
} from '@hoop/contract/tunnel';
import { Refusal } from '@hoop/core/errors';
import { silentLog } from '@hoop/core/log';
import { AgentClient } from './agent-client.ts';
import { TunnelClient } from './client.ts';
import type { AgentLink, SessionHost } from './link.ts';
import { LogReport } from './log-report.ts';
import { TunnelServer } from './server.ts';
import { AGENT_MESSAGE_BYTES_MAX, AGENT_MESSAGES_PER_SECOND_MAX, REPORT_BATCH_ENTRIES_MAX, REPORT_ENTRIES_MAX } from './settings.ts';
import type { FrameStream } from './stream.ts';
import { CuttableRelay, eventually, Listener, serverOptions } from './testing/links.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

async function gateway() {
  const links: AgentLink[] = [];
  const messages: AgentMessage[] = [];
  const server = new TunnelServer({
    ...serverOptions(),
    onAgent: (link) => {
      links.push(link);
      void link.closed.then(() => links.splice(links.indexOf(link), 1));
    },
    onMessage: (_, message) => messages.push(message),
  });
  closing.push(() => server.close());
  return { port: await server.listen('127.0.0.1', 0), links, messages };
}

const TLS = { skipVerify: true };

/** An agent that says just what it is told to. */
async function say(port: number, ...texts: readonly string[]): Promise<{ heard: Listener; control: FrameStream; client: TunnelClient }> {
  const client = await TunnelClient.dial({ host: '127.0.0.1', port, tls: TLS });
  closing.push(() => client.close());
  const control = await client.open(TUNNEL_PATHS.control, { authorization: 'Bearer good' });
  const heard = new Listener();
  control.receive(heard);
  for (const text of texts) void control.send(FRAME_KINDS.control, Buffer.from(text));
  return { heard, control, client };
}

const OLD = { version: TUNNEL_VERSION, product: '0.0.1', hostname: 'old', platform: 'linux/amd64' };
const entry = (message: string): LogEntry => ({ at_ms: 1, level: 'info', message, facts: '{}' });
const logs = (...words: string[]): string => JSON.stringify({ type: 'logs', entries: words.map(entry) });

test('an agent of before, which says less of itself, is welcome; what it does not say is the safe default', async () => {
  const { port, links } = await gateway();
  await say(port, JSON.stringify(OLD));
  await eventually('it is there', () => links.length === 1);
  const hello = links[0]?.hello;
  assert.deepEqual([hello?.mode, hello?.declares, hello?.protocols], ['standard', undefined, []]);
});

test('an agent of later, which says more and speaks a later version, is welcome; what is not known is passed over', async () => {
  const { port, links, messages } = await gateway();
  const hello = { ...OLD, version: TUNNEL_VERSION + 1, wings: 2, mode: 'standard' };
  const { control } = await say(port, JSON.stringify(hello));
  await eventually('it is there', () => links.length === 1);
  for (const text of ['{"type":"flies","height_m":7}', logs('one'), 'no JSON', '[]', '{"type":"logs"}', logs('two')])
    void control.send(FRAME_KINDS.control, Buffer.from(text));
  await eventually('what is known was heard', () => messages.length === 2);
  assert.deepEqual(
    messages.map(({ entries }) => entries[0]?.message),
    ['one', 'two'],
  );
  assert.equal(links.length, 1);
});

test('an agent that is too old is told so, and not let in', async () => {
  const { port, links } = await gateway();
  const { heard, client } = await say(port, JSON.stringify({ ...OLD, version: TUNNEL_VERSION_MIN - 1 }));
  await client.closed;
  assert.match(heard.messages.join(), /"goodbye".*update the agent.*"agent_too_old"/);
  assert.equal(links.length, 0);
});

const HOST = { linkLost: () => undefined, takeUnconfirmed: () => [] } as unknown as SessionHost;

function agent(port: number, version = TUNNEL_VERSION): { client: AgentClient; run: Promise<void> } {
  const hello: AgentHello = { ...OLD, version, kernel: '', machine: '', protocols: [], features: [], mode: 'standard' };
  const client = new AgentClient({ dial: { host: '127.0.0.1', port, tls: TLS }, key: 'good', hello, host: HOST, log: silentLog() });
  closing.push(() => client.stop());
  const run = client.run();
  run.catch(() => undefined);
  return { client, run };
}

test('an agent that was told that it is too old does not come back', async () => {
  const { port } = await gateway();
  await assert.rejects(agent(port, TUNNEL_VERSION_MIN - 1).run, (error) => error instanceof Refusal && error.code === 'agent_too_old');
});

test('a link with a code for its end is not dialled again, one without is', async () => {
  const { port, links } = await gateway();
  const { run } = agent(port);
  await eventually('it is there', () => links.length === 1);
  const [first] = links;
  first?.close('a change of plan');
  await eventually('it is back', () => links.length === 1 && links[0] !== first);
  links[0]?.close('its mode does not fit', 'agent_mode');
  await assert.rejects(
    run,
    (error) => error instanceof Refusal && error.code === 'agent_mode' && error.message === 'its mode does not fit',
  );
});

test('messages that are too large, or too many, are dropped, and the link stays', async () => {
  const { port, links, messages } = await gateway();
  const flood = Array.from({ length: 5 * AGENT_MESSAGES_PER_SECOND_MAX }, (_, at) => logs(`${at}`));
  const { control } = await say(port, JSON.stringify(OLD), logs('x'.repeat(AGENT_MESSAGE_BYTES_MAX)), ...flood);
  await eventually('some are heard', () => messages.length >= AGENT_MESSAGES_PER_SECOND_MAX);
  // The flood may lie across the border of a second.
  assert.ok(messages.length <= 2 * AGENT_MESSAGES_PER_SECOND_MAX, String(messages.length));
  assert.ok(messages.every(({ entries }) => entries[0]?.message.length === 1 || Number(entries[0]?.message) < flood.length));
  await eventually('a later one is heard', () => {
    void control.send(FRAME_KINDS.control, Buffer.from(logs('later')));
    return messages.some(({ entries }) => entries[0]?.message === 'later');
  });
  assert.equal(links.length, 1);
});

test('what an agent logs while it is offline is told when it is back', async () => {
  const { port, links, messages } = await gateway();
  const network = await CuttableRelay.start(port);
  closing.push(() => network.close());
  const { client } = agent(network.port);
  client.report([entry('early')]);
  const told = (): string[] => messages.flatMap(({ entries }) => entries.map(({ message }) => message));
  await eventually('it was told', () => told().includes('early'));
  network.cut();
  await eventually('it is away', () => links.length === 0);
  client.report([entry('meanwhile')]);
  await eventually('it was told', () => told().includes('meanwhile'));
  assert.deepEqual(told(), ['early', 'meanwhile']);
});

test('a report keeps a limited number of entries of limited length, the youngest', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const sent: AgentMessage[] = [];
  const stream = { send: (_: number, payload: Buffer) => void sent.push(JSON.parse(payload.toString())) } as unknown as FrameStream;
  const report = new LogReport();
  report.add(Array.from({ length: REPORT_ENTRIES_MAX }, (_, at) => entry(`old ${at}`)));
  report.add([{ ...entry('y'.repeat(100_000)), facts: `"${'z'.repeat(100_000)}"` }, entry('last')]);
  report.link(stream);
  for (let turn = 0; turn < 20; turn++) {
    context.mock.timers.tick(1_000);
    await Promise.resolve();
    await Promise.resolve();
  }
  const entries = sent.flatMap((message) => message.entries);
  assert.equal(entries.length, REPORT_ENTRIES_MAX);
  assert.deepEqual([entries[0]?.message, entries.at(-1)?.message], ['old 2', 'last']);
  assert.deepEqual([entries.at(-2)?.facts, (entries.at(-2)?.message.length ?? 0) < 10_000], ['{}', true]);
  assert.ok(sent.every((message) => message.entries.length <= REPORT_BATCH_ENTRIES_MAX));
});
