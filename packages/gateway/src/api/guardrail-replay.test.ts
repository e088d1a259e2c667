import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ReplayPage } from '@hoop/contract/routes/guardrail-replay';
import { silentLog } from '@hoop/core/log';
import { AuditLog } from '@hoop/store/audit/audit-log';
import { addConnection, handClock, openApi, scratchDirectory, type TestApi, type Who } from '../testing/fixtures.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Done {
  readonly text: string;
  readonly verdict?: 'allow' | 'deny' | 'hold';
  readonly text_bytes?: number;
}

/** The API over an audit log in which something was done. */
class Past {
  readonly api: TestApi;
  readonly clock: ReturnType<typeof handClock>;
  readonly log: AuditLog;
  readonly #scratch: Disposable;

  private constructor(api: TestApi, clock: ReturnType<typeof handClock>, log: AuditLog, scratch: Disposable) {
    this.api = api;
    this.clock = clock;
    this.log = log;
    this.#scratch = scratch;
  }

  static async open(): Promise<Past> {
    const scratch = scratchDirectory();
    const clock = handClock(Date.parse('2026-11-20T12:00:00Z'));
    const log = AuditLog.open({ directory: join(scratch.path, 'audit'), log: silentLog(), clock });
    const api = await openApi({ clock, history: log });
    await addConnection(api);
    return new Past(api, clock, log, scratch);
  }

  /** A session with these actions, which is over. */
  async session(who: Who, done: readonly Done[], more: { connection?: string; type?: string; subtype?: string } = {}): Promise<string> {
    const id = randomUUID();
    const user = await this.api.store.users.get(this.api.ids[who]);
    await this.api.store.sessions.insert({
      ...{
        id,
        userId: user?.id ?? '',
        userEmail: user?.email ?? '',
        userName: who,
        connection: 'pg',
        type: 'database',
        subtype: 'postgres',
      },
      ...{ verb: 'connect', origin: 'native', status: 'open', gatewayId: 'this-gateway', startedAt: this.clock.now() },
      ...more,
    });
    for (const [index, { verdict = 'allow', ...action }] of done.entries()) {
      const event = { type: 'action', seq: index + 1, via: 'query', verdict, ...action };
      this.log.append(id, Buffer.from(JSON.stringify(event)));
      this.log.append(id, Buffer.from(JSON.stringify({ type: 'outcome', seq: index + 1, outcome: { rows: 3, bytes: 1, duration_us: 1 } })));
    }
    return id;
  }

  async replay(body: object, who: Who = 'admin'): Promise<ReplayPage> {
    const answer = await this.ask(body, who);
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
  }

  ask(body: object, who: Who | undefined = 'admin') {
    return this.api.call(who, 'POST', '/guardrails/replay', { since: new Date(this.clock.now() - DAY_MS).toISOString(), ...body });
  }

  async close(): Promise<void> {
    await this.api[Symbol.asyncDispose]();
    await this.log.close();
    this.#scratch[Symbol.dispose]();
  }
}

const only = ['dba'];
const drops = { type: 'operation', operations: ['drop'] };

describe('a replay of a guardrail', () => {
  let past: Past;
  let early: string;
  before(async () => {
    past = await Past.open();
    early = await past.session('standard', [{ text: 'select 1' }, { text: 'drop table early', verdict: 'deny' }]);
    past.clock.advance(2 * HOUR_MS);
    await past.session('other', [{ text: 'drop table late' }, { text: 'drop table half', text_bytes: 5_000 }, { text: "select 'salary'" }]);
    await past.session('other', [{ text: 'drop table remote' }], { type: 'custom', subtype: '', connection: 'shell' });
    past.clock.advance(HOUR_MS);
  });
  after(() => past.close());

  test('tells what would have been stopped, by whom, when, where and why', async () => {
    const page = await past.replay({ name: 'no drops', input: { rules: [drops] } });
    assert.deepEqual(page.counts, { block: 3, require_approval: 0, warn: 0, log: 0 });
    const [first] = page.findings;
    assert.deepEqual(
      { ...first, message: '' },
      {
        ...{ session_id: early, seq: 2, time: '2026-11-20T12:00:00.000Z', user: 'standard@hoop.test', connection: 'pg' },
        ...{ verdict: 'block', rule: 0, message: '', fragment: 'drop table early', text: 'drop table early', was: 'deny' },
      },
    );
    assert.match(
      first?.message ?? '',
      /^Blocked by the following Guardrails rule: match guard rail \[InputRules:no drops\] rule, type=operation/,
    );
    const { actions, stopped_already, unfit, cut, next, bytes_left } = page;
    assert.deepEqual(
      { actions, stopped_already, unfit, cut, next, bytes_left },
      { actions: 5, stopped_already: 1, unfit: 1, cut: 1, next: undefined, bytes_left: 0 },
    );
  });

  test('counts what each rule found by itself, and lets the strictest count', async () => {
    const rules = [
      { ...drops, action: 'warn' },
      { type: 'deny_words_list', words: ['table'], action: 'require_approval' },
      { type: 'deny_words_list', words: ['salary'], action: 'log' },
    ];
    const page = await past.replay({ input: { rules } });
    assert.deepEqual(page.counts, { block: 0, require_approval: 3, warn: 0, log: 1 });
    assert.deepEqual(
      page.rules.map(({ type, counts }) => [type, counts.require_approval, counts.warn, counts.log]),
      [
        ['operation', 0, 3, 0],
        ['deny_words_list', 3, 0, 0],
        ['deny_words_list', 0, 0, 1],
      ],
    );
  });

  test('keeps to the time, the connection, the groups and the hours that rules hold in', async () => {
    const found = async (body: object) => (await past.replay(body)).findings.map(({ text }) => text);
    const input = { rules: [drops] };
    assert.deepEqual(await found({ input, since: '2026-11-20T13:00:00Z' }), ['drop table late', 'drop table half']);
    assert.deepEqual(await found({ input, until: '2026-11-20T13:00:00Z' }), ['drop table early']);
    assert.deepEqual(await found({ input, connection: 'pg' }), ['drop table early', 'drop table late', 'drop table half']);
    const ofDba = { rules: [{ ...drops, groups: { only } }] };
    assert.deepEqual(await found({ input: ofDba }), ['drop table late', 'drop table half']);
    const atNoon = { rules: [{ ...drops, time_window: { from: '11:30', to: '12:30' } }] };
    assert.deepEqual(await found({ input: atNoon }), ['drop table early']);
  });

  test('compares a limit of rows with how many there were', async () => {
    const found = async (rows_max: number) =>
      (await past.replay({ input: { rules: [{ type: 'row_limit', rows_max }] }, connection: 'pg' })).findings;
    assert.deepEqual(await found(3), []);
    const texts = (await found(2)).map(({ text, verdict }) => [text, verdict]);
    assert.deepEqual(texts[0], ['select 1', 'block']);
    assert.equal(texts.length, 5);
    assert.match((await found(2))[0]?.message ?? '', /type=row_limit/);
  });

  test('gives no more findings than were asked for, and counts all', async () => {
    const page = await past.replay({ input: { rules: [drops] }, findings_max: 1 });
    assert.equal(page.findings.length, 1);
    assert.equal(page.findings_left_out, 2);
    assert.equal(page.counts.block, 3);
  });

  test('takes a pack, and a guardrail as the API gives it', async () => {
    assert.equal((await past.replay({ pack: 'postgres-destructive-ddl' })).counts.block, 3);
    const created = await past.api.call('admin', 'POST', '/guardrails', { name: 'stored', input: { rules: [drops] } });
    assert.equal((await past.replay(created.body)).counts.block, 3);
  });

  test('is for administrators and auditors', async () => {
    const body = { input: { rules: [drops] } };
    assert.equal((await past.ask(body, 'auditor')).status, 200);
    assert.equal((await past.ask(body, 'standard')).status, 403);
  });

  test('refuses what it cannot answer, and says why', async () => {
    const refused = async (body: object) => {
      const { status, body: told } = await past.ask(body);
      return [status, told.field];
    };
    assert.deepEqual(await refused({}), [422, 'input.rules']);
    assert.deepEqual(await refused({ input: { rules: [{ type: 'pattern_match', pattern_regex: '(' }] } }), [
      422,
      'input.rules.0.pattern_regex',
    ]);
    assert.deepEqual(await refused({ input: { rules: [drops] }, output: { rules: [drops] } }), [422, 'output.rules']);
    assert.deepEqual(await refused({ input: { rules: [drops] }, since: '2020-01-01T00:00:00Z' }), [422, 'since']);
    assert.deepEqual(await refused({ input: { rules: [drops] }, since: '2036-01-01T00:00:00Z' }), [422, 'since']);
    assert.deepEqual(await refused({ input: { rules: [drops] }, connection: 'nowhere' }), [404, undefined]);
    assert.deepEqual(await refused({ input: { rules: [{ type: 'command', commands: ['rm'] }] }, connection: 'pg' }), [422, 'connection']);
    assert.deepEqual(await refused({ input: { rules: [drops] }, after: '1:3:0' }), [422, undefined]);
  });
});

describe('a replay over a hundred thousand actions', () => {
  const SESSIONS = 1_000;
  const EACH = 100;
  let past: Past;
  before(async () => {
    past = await Past.open();
    const done = Array.from({ length: EACH }, (_, at) => ({
      text: at % 50 === 0 ? `delete from orders_${at}` : `select ${at}, '${'x'.repeat(200)}' from orders where id = ${at}`,
    }));
    for (let at = 0; at < SESSIONS; at++) await past.session('standard', done);
    past.clock.advance(HOUR_MS);
  });
  after(() => past.close());

  test('comes in pages that others do not wait for, and needs little memory', async () => {
    const body = { input: { rules: [{ type: 'operation', operations: ['delete_without_where'] }] }, findings_max: 10 };
    const total = { actions: 0, block: 0, pages: 0 };
    const before = process.memoryUsage().rss;
    let turns = 0;
    let peak = 0;
    const watch = setInterval(() => {
      turns++;
      peak = Math.max(peak, process.memoryUsage().rss - before);
    }, 1);
    const since = performance.now();
    let after: string | undefined;
    do {
      const page: ReplayPage = await past.replay(after === undefined ? body : { ...body, after });
      after = page.next;
      total.actions += page.actions;
      total.block += page.counts.block;
      total.pages++;
    } while (after !== undefined);
    clearInterval(watch);
    assert.equal(total.actions, SESSIONS * EACH);
    assert.equal(total.block, SESSIONS * 2);
    assert.ok(performance.now() - since < 60_000, 'it took too long');
    assert.ok(turns > 20, `others had only ${turns} turns`);
    assert.ok(peak < 300 * 1024 * 1024, `it took ${Math.round(peak / 1024 / 1024)} MiB`);
  });
});
