import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ReplayFinding, ReplayPage } from '@hoop/contract/routes/guardrail-replay';
import { FakeGateway, type Handlers, Refused } from '../testing/fake-gateway.ts';
import { Shell, type ShellOptions } from '../testing/shell.ts';

const SESSION = '7b0e0f66-4f0a-4d5e-9d1c-2f6f1d9d0a01';
const NOW = Date.parse('2026-11-21T12:00:00Z');
const RULE = { type: 'operation', operations: ['drop'] };

const finding = (seq: number): ReplayFinding => ({
  ...{ session_id: SESSION, seq, time: '2026-11-20T08:00:00.000Z', user: 'ann@example.com', connection: 'demo', verdict: 'block' },
  ...{ rule: 0, message: 'Blocked', fragment: 'drop table\tt', text: 'drop table\tt', was: 'allow' },
});

function page(part: Partial<ReplayPage> = {}): ReplayPage {
  const counts = { block: 2, require_approval: 1, warn: 0, log: 0 };
  return {
    ...{ actions: 50, counts, rules: [{ type: 'operation', action: 'block', counts }], findings: [finding(1), finding(2)] },
    ...{ findings_left_out: 1, stopped_already: 1, unfit: 4, cut: 0, sessions_elsewhere: 0, bytes_read: 4_096, bytes_left: 0 },
    ...part,
  };
}

async function replay(handler: Handlers['replayGuardrail'], words: readonly string[], file: unknown, options: ShellOptions = {}) {
  await using gateway = await FakeGateway.start({ replayGuardrail: (call) => handler?.(call) ?? page() });
  using shell = Shell.at(gateway);
  const path = join(shell.home, 'rule.json');
  writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  return await shell.run(['policy', 'replay', '--rule', path, ...words], { now_ms: NOW, ...options });
}

describe('hoop policy replay', () => {
  test('asks page after page, and shows findings, each rule and the sum', async () => {
    const asked: unknown[] = [];
    const { code, out, err } = await replay(
      ({ body }) => {
        asked.push([body.since, body.until, body.after, body.findings_max, body.connection, body.input.rules.length]);
        return body.after === undefined ? page({ next: '1:70:3', bytes_left: 4_096 }) : page({ findings: [], findings_left_out: 0 });
      },
      ['--since', '30d', '-c', 'demo', '--limit', '2'],
      RULE,
    );
    assert.equal(code, 0, err);
    assert.deepEqual(asked, [
      ['2026-10-22T12:00:00.000Z', '2026-11-21T12:00:00.000Z', undefined, 2, 'demo', 1],
      ['2026-10-22T12:00:00.000Z', '2026-11-21T12:00:00.000Z', '1:70:3', 0, 'demo', 1],
    ]);
    assert.match(out, /^TIME +USER +CONNECTION +VERDICT +RULE +THEN +SESSION +SEQ +FOUND$/m);
    assert.match(out, /^2026-11-20 08:00:00 +ann@example\.com +demo +block +0 +allow +7b0e0f66-\S+ +2 +drop table t$/m);
    assert.match(out, /^0 +operation +block +4 +2 +0 +0$/m);
    assert.match(out, /^Of 100 actions: 4 blocked, 2 held for approval, 0 warned about, 0 logged$/m);
    assert.match(err, /^2 of those were blocked or held then too$/m);
    assert.match(err, /^1 more are not shown/m);
    assert.match(err, /^8 actions were left out: their protocols cannot keep these rules$/m);
  });

  test('takes a guardrail, its rules, a list of rules and one rule, from a file or from stdin', async () => {
    for (const file of [{ name: 'g', input: { rules: [RULE] } }, { rules: [RULE] }, [RULE], RULE]) {
      let rules = 0;
      await replay(
        ({ body }) => {
          rules = body.input.rules.length;
          return page();
        },
        [],
        file,
      );
      assert.equal(rules, 1, JSON.stringify(file));
    }
    const { code } = await replay(() => page(), ['--rule', '-'], 'not this', { stdin: JSON.stringify(RULE) });
    assert.equal(code, 0);
  });

  test('prints one JSON document, and its progress on stderr of a terminal only', async () => {
    const { out, err } = await replay(() => page(), ['--json'], RULE);
    const told = JSON.parse(out);
    assert.deepEqual([told.since, told.actions, told.findings.length], ['2026-10-22T12:00:00.000Z', 50, 2]);
    assert.equal(err, '');
    const { err: shown } = await replay(() => page(), [], RULE, { tty: true });
    assert.match(shown, /50 actions, 4\.0 KiB read, 100 %/);
  });

  test('ends with 254 when told to and something would have been stopped, and with 0 otherwise', async () => {
    const nothing = page({ counts: { block: 0, require_approval: 0, warn: 3, log: 0 } });
    assert.equal((await replay(() => page(), ['--exit-code'], RULE)).code, 254);
    assert.equal((await replay(() => nothing, ['--exit-code'], RULE)).code, 0);
    assert.equal((await replay(() => page(), [], RULE)).code, 0);
  });

  test('says what is wrong with what it was given', async () => {
    const told = async (words: readonly string[], file: unknown) => {
      const { code, err } = await replay(() => page(), words, file);
      return `${code} ${err}`;
    };
    assert.match(await told([], '{'), /^2 Error: --rule \S+ is not JSON/);
    assert.match(await told([], '3'), /^2 Error: --rule \S+ has neither a guardrail nor a rule in it/);
    assert.match(await told(['--rule', '/nowhere'], RULE), /^2 Error: --rule \/nowhere cannot be read/);
    assert.match(await told(['--since', 'yesterday'], RULE), /^2 Error: --since "yesterday" is no time/);
    assert.match(await told(['--limit', '10001'], RULE), /^2 Error: --limit is a number/);
    const { code, err } = await replay(
      () => {
        throw new Refused(422, 'invalid', 'missing closing )', 'input.rules.0.pattern_regex');
      },
      [],
      { type: 'pattern_match', pattern_regex: '(' },
    );
    assert.deepEqual([code, err], [1, 'Error: missing closing ) (input.rules.0.pattern_regex)\n']);
  });
});
