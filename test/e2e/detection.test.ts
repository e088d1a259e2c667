import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { FakePresidio } from '@hoop/agent/testing/fake-presidio';
import { routes } from '@hoop/contract/routes/all';
import type { Session } from '@hoop/contract/routes/sessions';
import { TunnelClient } from '@hoop/tunnel/client';
import { LocalPort } from '../support/local-port.ts';
import type { Kind } from '../support/office.ts';
import { System } from '../support/system.ts';
import { TestPostgres, USERS } from '../support/test-postgres.ts';

const HTTP: Kind = { type: 'application', subtype: 'httpproxy' };
const SHELL: Kind = { type: 'custom', subtype: '', command: ['sh'] };
const TEXT = 'Marvin of Megadodo is marvin@example.test';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** Runs a script over the API; resolves with what it said, and its session. */
async function exec(system: System, connection: string, script: string): Promise<{ output: string; session: Session }> {
  const { output } = await system.office.api.call(routes.execSession, { body: { connection, script } });
  return { output, session: await system.office.endedSession(connection) };
}

async function metricsOf(system: System): Promise<string> {
  return (await fetch(`${system.office.apiUrl}/metrics`)).text();
}

/** A way to a web server that says this. */
async function website(system: System, said: string, mask: readonly string[]): Promise<{ url: string; connection: string }> {
  const server = http.createServer({ keepAliveTimeout: 0 }, (_request, response) => {
    response.setHeader('content-type', 'text/plain');
    response.end(said);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  open.push({ close: () => server.close().closeAllConnections() });
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = await system.connection({ REMOTE_URL: target }, { mask }, HTTP);
  const { host, port } = system.gateway.addresses.tunnel;
  const tunnel = await TunnelClient.dial({ host, port, tls: { skipVerify: true } });
  open.push(tunnel);
  const local = await LocalPort.open(tunnel, connection, system.office.token);
  open.push(local);
  return { url: `http://127.0.0.1:${local.port}`, connection };
}

describe('a gateway that names a Presidio server', () => {
  let presidio: FakePresidio;
  let system: System;
  before(async () => {
    presidio = await FakePresidio.start();
    system = await System.start({ agent: 'tunnel', values: { MSPRESIDIO_ANALYZER_URL: presidio.url } });
  });
  after(async () => {
    await system.close();
    await presidio[Symbol.asyncDispose]();
  });
  afterEach(() => {
    presidio.instead = undefined;
  });

  test('has what only the server finds hidden in terminals and HTTP, and counts it without a value', async () => {
    const shell = await system.connection({}, { mask: ['ORGANIZATION', 'EMAIL_ADDRESS'] }, SHELL);
    const { output, session } = await exec(system, shell, `echo '${TEXT}'`);
    assert.equal(output, 'Marvin of ######## is ###################\n');
    assert.deepEqual(session.metrics.data_masking, {
      info_types: { EMAIL_ADDRESS: 1, ORGANIZATION: 1 },
      total_redact_count: 2,
      err_count: 0,
    });
    const [action] = await system.office.actions(session.id);
    assert.deepEqual(action?.outcome?.masked, { EMAIL_ADDRESS: 1, ORGANIZATION: 1 });

    const { url, connection } = await website(system, `${TEXT}\n`.repeat(500), ['PERSON', 'EMAIL_ADDRESS']);
    assert.equal(await (await fetch(url)).text(), '###### of Megadodo is ###################\n'.repeat(500));
    for (const each of open.splice(0)) each.close();
    const visit = await system.office.endedSession(connection);
    assert.deepEqual((visit.metrics.data_masking as { info_types: object }).info_types, { PERSON: 500, EMAIL_ADDRESS: 500 });
    assert.ok(presidio.asked.every(({ entities }) => !entities.includes('EMAIL_ADDRESS')));
    const metrics = await metricsOf(system);
    assert.match(metrics, /hoop_masked_values_total\{protocol="http",entity="PERSON"\} 500/);
    assert.match(metrics, /hoop_masked_values_total\{protocol="terminal",entity="ORGANIZATION"\} 1/);
    assert.doesNotMatch(metrics, /marvin|Megadodo/i);
  });

  test('hides all that the server does not answer about, and counts that', async () => {
    presidio.instead = (response) => void response.writeHead(500).end();
    const shell = await system.connection({}, { mask: ['ORGANIZATION'] }, SHELL);
    const { output, session } = await exec(system, shell, 'echo 42; echo a name that was not asked about yet');
    assert.doesNotMatch(output, /name|asked/);
    const { info_types, err_count } = session.metrics.data_masking as { info_types: Record<string, number>; err_count: number };
    assert.deepEqual([Object.keys(info_types), err_count], [['UNREAD'], info_types.UNREAD]);
    assert.match(await metricsOf(system), /hoop_masked_values_total\{protocol="terminal",entity="UNREAD"\}/);
  });
});

describe('a database whose rules name what only a Presidio server finds', () => {
  test('shows it hidden, row for row, and all of it where the server is gone', async () => {
    await using presidio = await FakePresidio.start();
    const postgres = await TestPostgres.start();
    await using system = await System.start({ agent: 'memory', values: { MSPRESIDIO_ANALYZER_URL: presidio.url } });
    try {
      const settings = postgres.settings(await postgres.database(), { USER: USERS.trusted.user });
      const name = await system.connection(settings, { mask: ['PERSON'] });
      const { output, session } = await exec(system, name, `select n, 'row ' || n || ' of Marvin' as who from generate_series(1, 2000) n`);
      assert.equal(output.match(/of ######/g)?.length, 2_000);
      assert.doesNotMatch(output, /Marvin/);
      assert.deepEqual((session.metrics.data_masking as { info_types: object }).info_types, { PERSON: 2_000 });
      await presidio[Symbol.asyncDispose]();
      const gone = await exec(system, name, "select 'nobody was asked about this' as what, 42 as n");
      assert.doesNotMatch(gone.output, /nobody/);
      assert.match(gone.output, /42/);
      assert.ok(((gone.session.metrics.data_masking as { err_count: number }).err_count ?? 0) > 0);
    } finally {
      await postgres.stop();
    }
  });
});

describe('a gateway in best-effort mode', () => {
  test('shows what the server does not answer about, counts it, and says so in the first record of the session', async () => {
    await using presidio = await FakePresidio.start();
    presidio.instead = (response) => void response.end('what?');
    const values = { MSPRESIDIO_ANALYZER_URL: presidio.url, DLP_MODE: 'best-effort' };
    await using system = await System.start({ agent: 'memory', values });
    const shell = await system.connection({}, { mask: ['ORGANIZATION', 'EMAIL_ADDRESS'] }, SHELL);
    const { output, session } = await exec(system, shell, `echo '${TEXT}'`);
    assert.equal(output, 'Marvin of Megadodo is ###################\n');
    const { info_types, total_redact_count, err_count } = session.metrics.data_masking as Record<string, number>;
    assert.deepEqual([info_types, total_redact_count, (err_count ?? 0) > 0], [{ EMAIL_ADDRESS: 1 }, 1, true]);
    const query = { expand: 'event_stream' };
    const { event_stream = [] } = await system.office.api.call(routes.getSession, { params: { session_id: session.id }, query });
    const [first] = event_stream.map(({ event }) => event);
    assert.ok(first?.type === 'session.open' && first.dlp_mode === 'best-effort');
    assert.match(await metricsOf(system), /hoop_unchecked_values_total\{protocol="terminal"\} [1-9]/);
  });
});

describe('a gateway without a Presidio server', () => {
  test('refuses rules with entities that nobody here finds, and counts what databases were kept from showing', async () => {
    await using system = await System.start({ agent: 'memory' });
    await assert.rejects(system.connection({}, { mask: ['ORGANIZATION'] }, SHELL), /ORGANIZATION cannot be found/);
    const postgres = await TestPostgres.start();
    try {
      const settings = postgres.settings(await postgres.database(), { USER: USERS.trusted.user });
      const name = await system.connection(settings, { mask: ['EMAIL_ADDRESS', 'US_SSN'] });
      const { output, session } = await exec(system, name, "select 'marvin@example.test' as mail from generate_series(1, 3)");
      assert.doesNotMatch(output, /marvin/);
      const { info_types, total_redact_count } = session.metrics.data_masking as Record<string, unknown>;
      assert.deepEqual([info_types, total_redact_count], [{ EMAIL_ADDRESS: 3 }, 3]);
      const [action] = await system.office.actions(session.id);
      assert.deepEqual(action?.outcome?.masked, { EMAIL_ADDRESS: 3 });
      assert.match(await metricsOf(system), /hoop_masked_values_total\{protocol="postgres",entity="EMAIL_ADDRESS"\} 3/);
    } finally {
      await postgres.stop();
    }
  });
});
