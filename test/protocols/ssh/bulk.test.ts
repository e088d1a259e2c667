import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Access } from '../../support/office.ts';
import { sharedDirectory, TestSshd } from '../../support/test-sshd.ts';
import { Lab, SSH_KIND } from './lab.ts';

const BYTES = 12 * 2 ** 20 + 17;

/** Keys are renewed some times on the way, by the client and by the host, each on its own connection. */
const RENEWED = '3M';

describe('large transfers through gateway and agent', () => {
  let lab: Lab;
  let sshd: TestSshd;
  let access: Access;
  const files = sharedDirectory('bulk-files');
  const source = join(files, 'source');
  before(async () => {
    lab = await Lab.start();
    sshd = await TestSshd.start([`RekeyLimit ${RENEWED}`]);
    access = await lab.system.access(sshd.settings(), undefined, SSH_KIND);
    writeFileSync(source, randomBytes(BYTES));
  });
  afterEach(() => lab.tidyUp());
  after(async () => {
    await sshd.stop();
    await lab.close();
  });

  for (const cipher of ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr']) {
    test(`arrive byte for byte, both ways, while keys are renewed, with ${cipher}`, async () => {
      const options = ['-v', ...lab.options(access), '-c', cipher, '-o', `RekeyLimit=${RENEWED}`];
      const there = join(files, `there-${cipher}`);
      const back = join(files, `back-${cipher}`);
      const host = `${access.connection}@gateway`;
      for (const [from, to] of [
        [source, `${host}:${there}`],
        [`${host}:${there}`, back],
      ] as const) {
        const { exitCode, stderr } = await lab.program('scp', [...options, from, to], access, { input: '' }).done;
        assert.equal(exitCode, 0, stderr);
        assert.match(stderr, new RegExp(`cipher: ${cipher}`));
        assert.ok((stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0) > 2, 'keys were renewed');
      }
      assert.equal(await hashOf(there), await hashOf(source));
      assert.equal(await hashOf(back), await hashOf(source));
    });
  }
});

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
