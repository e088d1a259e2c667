import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '@hoop/contract/client';
import { Misconfigured, Refusal, TargetFault } from '@hoop/core/errors';
import { Exit, usage } from '../failure.ts';
import { Captured, FakeTty } from '../testing/shell.ts';
import { reportFailure } from './report.ts';
import { terminalOf } from './terminal.ts';

async function reported(thrown: unknown): Promise<{ code: number; err: string }> {
  const stderr = new Captured();
  const code = await reportFailure(thrown, terminalOf({ stdin: new FakeTty(), stdout: new Captured(), stderr }, true));
  return { code, err: stderr.text };
}

test('each kind of failure has its exit code', async () => {
  for (const [thrown, code] of [
    [usage('x'), 2],
    [new Exit(143), 143],
    [new Misconfigured('any', 'x'), 1],
    [new TargetFault('any', 'x'), 1],
    [new TargetFault('gateway_unreachable', 'x'), 69],
    [new TargetFault('agent_offline', 'x'), 69],
    [new Refusal('unauthenticated', 'x'), 77],
    [new Refusal('forbidden', 'x'), 254],
    [new ApiError(401, 'unauthenticated', 'x'), 77],
    [new ApiError(403, 'forbidden', 'x'), 254],
    [new ApiError(404, 'not_found', 'x'), 1],
    [new ApiError(422, 'invalid', 'x'), 1],
    [new ApiError(503, 'draining', 'x'), 69],
    [new ApiError(0, 'unreachable', 'x'), 69],
    [new ApiError(0, 'timeout', 'x'), 69],
    [new ApiError(0, 'bad_parameter', 'x'), 1],
  ] as const) {
    assert.equal((await reported(thrown)).code, code, `${thrown.constructor.name} ${thrown.message}`);
  }
});

test('a message of several lines keeps them, and drives no terminal', async () => {
  const { err } = await reported(new Misconfigured('config_invalid', '2 settings are wrong:\n  A is bad\n  B is \x1b[2Jbad'));
  assert.equal(err, 'Error: 2 settings are wrong:\n  A is bad\n  B is \\x1b[2Jbad\n');
});

test('the part of the request that is at fault is named', async () => {
  const { err } = await reported(new ApiError(422, 'invalid', 'Give a port from 1 to 65535', { field: 'secret.envvar:PORT' }));
  assert.equal(err, 'Error: Give a port from 1 to 65535 (secret.envvar:PORT)\n');
});

test('a certificate that is not trusted names the flag that helps', async () => {
  const cause = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  const { code, err } = await reported(new ApiError(0, 'unreachable', 'x', { cause }));
  assert.equal(code, 1);
  assert.match(err, /not trusted \(self-signed certificate\).*--tls-ca.*HOOP_TLSCA/);
});

test('ending without a message says nothing', async () => {
  assert.deepEqual(await reported(new Exit(130)), { code: 130, err: '' });
});
