import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import type { Access } from '../../support/office.ts';
import { sharedDirectory } from '../../support/test-sshd.ts';
import { Lab } from './lab.ts';

const BULK_BYTES = 3 * 2 ** 20 + 17;

describe('SSH clients that are not OpenSSH’s', () => {
  let lab: Lab;
  let access: Access;
  let hostKey: string;
  const files = sharedDirectory('other-clients');
  const bulk = randomBytes(BULK_BYTES);
  before(async () => {
    lab = await Lab.start();
    access = await lab.access({ deny: ['forbidden'] }, { ALLOW_LOCAL_FORWARD: 'true' });
    const { ssh_host_key = '' } = await lab.system.office.api.call(routes.getServerInfo);
    const [, blob = ''] = ssh_host_key.split(' ');
    hostKey = `SHA256:${createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64').replace(/=+$/, '')}`;
    writeFileSync(join(files, 'bulk'), bulk);
  });
  afterEach(() => lab.tidyUp());
  after(() => lab.close());

  /** Dropbear’s, which guesses how keys are exchanged and begins it at once. */
  function dbclient(args: readonly string[], input: string | Buffer = '') {
    const options = ['-y', '-y', '-T', '-p', String(access.port), '-l', access.connection];
    return lab.program('dbclient', [...options, ...args], access, { input, env: { DROPBEAR_PASSWORD: access.secret } }).done;
  }

  /** One of PuTTY’s: `plink`, `pscp` or `psftp`. */
  function putty(name: string, args: readonly string[], input: string | Buffer = '') {
    const options = ['-batch', '-P', String(access.port), '-l', access.connection, '-pw', access.secret, '-hostkey', hostKey];
    return lab.program(name, [...options, ...args], access, { input }).done;
  }

  test('dbclient runs commands, moves much both ways, forwards, and hears of a denial', async () => {
    const ran = await dbclient([access.host, 'echo out; exit 3']);
    assert.deepEqual([ran.exitCode, ran.stdout], [3, 'out\n'], ran.stderr);
    const summed = await dbclient([access.host, 'sha256sum'], bulk);
    assert.match(summed.stdout, new RegExp(createHash('sha256').update(bulk).digest('hex')), summed.stderr);
    const given = await dbclient([access.host, `head -c ${BULK_BYTES} /dev/zero`]);
    assert.equal(given.stdout.length, BULK_BYTES, given.stderr);
    const forwarded = await dbclient(['-B', `127.0.0.1:${lab.sshd.port}`, access.host]);
    assert.match(forwarded.stdout, /^SSH-2\.0-OpenSSH/, forwarded.stderr);
    const denied = await dbclient([access.host, 'echo forbidden']);
    assert.deepEqual([denied.exitCode, denied.stdout], [254, '']);
    assert.match(denied.stderr, /Blocked by the following Guardrails rule/);
  });

  test('plink runs commands and hears of a denial', async () => {
    const ran = await putty('plink', [access.host, 'echo out; exit 3']);
    assert.deepEqual([ran.exitCode, ran.stdout], [3, 'out\n'], ran.stderr);
    const given = await putty('plink', [access.host, `head -c ${BULK_BYTES} /dev/zero`]);
    assert.equal(given.stdout.length, BULK_BYTES, given.stderr);
    const denied = await putty('plink', [access.host, 'echo forbidden']);
    assert.deepEqual([denied.exitCode, denied.stdout], [254, '']);
    assert.match(denied.stderr, /Blocked by the following Guardrails rule/);
  });

  for (const mode of ['-sftp', '-scp']) {
    test(`pscp ${mode} brings files whole, both ways`, async () => {
      const there = join(files, `there${mode}`);
      const back = join(files, `back${mode}`);
      for (const [from, to] of [
        [join(files, 'bulk'), `${access.host}:${there}`],
        [`${access.host}:${there}`, back],
      ] as const) {
        const { exitCode, stderr } = await putty('pscp', ['-q', mode, from, to]);
        assert.equal(exitCode, 0, stderr);
      }
      assert.ok(readFileSync(back).equals(bulk));
    });
  }
});
