import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { after, before, test } from 'node:test';
import { LogEntry } from '@hoop/contract/tunnel';
import { TargetFault } from '@hoop/core/errors';
import { createLog } from '@hoop/core/log';
import { Secret } from '@hoop/core/secret';
import { LogTap } from './log-tap.ts';

let fd = 0;
before(() => {
  fd = openSync(devNull, 'w');
});
after(() => closeSync(fd));

for (const encoding of ['json', 'human'] as const) {
  test(`what is logged as ${encoding} is told on from info on, in order, without secrets and stacks`, () => {
    const tap = new LogTap();
    const log = createLog({ level: 'trace', encoding, fd, tap: tap.take }).child({ part: 'agent' });
    const told: LogEntry[] = [];
    log.info({ token: 'hunter2', deep: { password: 'hunter2', n: 1 }, kept: new Secret('hunter2') }, 'Before anybody listens');
    tap.tellTo((entries) => void told.push(...entries));
    log.debug('Too quiet');
    log.warn({ err: new TargetFault('target_closed', 'The target is gone') }, 'One');
    log.error('Two');
    log.fatal('Three');
    assert.deepEqual(
      told.map(({ level, message }) => [level, message]),
      [
        ['info', 'Before anybody listens'],
        ['warn', 'One'],
        ['error', 'Two'],
        ['fatal', 'Three'],
      ],
    );
    for (const entry of told) assert.deepEqual(LogEntry.parse(entry), entry);
    assert.deepEqual(JSON.parse(told[0]?.facts ?? ''), {
      part: 'agent',
      token: '[secret]',
      deep: { password: '[secret]', n: 1 },
      kept: '[secret]',
    });
    const { err } = JSON.parse(told[1]?.facts ?? '');
    assert.deepEqual([err.message, err.code, err.stack], ['The target is gone', 'target_closed', undefined]);
    assert.ok(!JSON.stringify(told).includes('hunter2'));
  });
}

test('entries from before somebody listens are kept up to a number, the latest of them', () => {
  const tap = new LogTap();
  const log = createLog({ level: 'info', encoding: 'json', fd, tap: tap.take });
  for (let count = 0; count < 600; count++) log.info(`${count}`);
  const told: string[] = [];
  tap.tellTo((entries) => void told.push(...entries.map(({ message }) => message)));
  assert.deepEqual([told.length, told[0], told.at(-1)], [500, '100', '599']);
});

test('a quieter log tells no more than it writes', () => {
  const tap = new LogTap();
  const told: unknown[] = [];
  tap.tellTo((entries) => void told.push(...entries));
  createLog({ level: 'error', encoding: 'json', fd, tap: tap.take }).warn('Not written');
  assert.deepEqual(told, []);
});
