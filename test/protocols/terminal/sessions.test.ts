import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import type { Session } from '@hoop/contract/routes/sessions';
import { until } from '../../support/until.ts';
import { CommandLab, shownIn } from './lab.ts';

for (const agent of ['memory', 'tunnel'] as const) {
  describe(`commands of an agent in ${agent === 'memory' ? 'the gateway’s process' : 'a tunnel'}`, () => {
    let lab: CommandLab;
    before(async () => {
      lab = await CommandLab.start(agent);
    });
    afterEach(() => lab.tidyUp());
    after(() => lab.close());

    test('a script over the API gives its output, its exit code and a record of both', async () => {
      const connection = await lab.connection(['sh'], { secrets: { PASS: 'geheim' } });
      const reply = await lab.exec(connection, 'echo out; echo err >&2; echo $PGPASSWORD; exit 3');
      assert.deepEqual([reply.output_status, reply.exit_code, reply.truncated], ['failed', 3, false]);
      assert.deepEqual(reply.output.split('\n').sort(), ['', 'err', 'geheim', 'out']);
      const session = await lab.records(connection);
      assert.deepEqual([session.verb, session.exit_code, session.end_reason], ['exec', 3, 'client_left']);
      assert.deepEqual(
        session.actions?.map(({ via, text, outcome }) => [via, text, outcome?.exit_code]),
        [['exec', 'echo out; echo err >&2; echo $PGPASSWORD; exit 3', 3]],
      );
      assert.deepEqual([shownIn(session), shownIn(session, 'stderr')], ['out\ngeheim\n', 'err\n']);
    });

    test('a script that succeeds says so, again and again', async () => {
      const connection = await lab.connection(['sh']);
      for (let time = 0; time < 10; time++) {
        const reply = await lab.exec(connection, 'echo fine');
        assert.deepEqual([reply.output, reply.output_status, reply.exit_code], ['fine\n', 'success', 0]);
      }
    });

    test('a denied script does not run, says why, and is recorded as denied', async () => {
      const connection = await lab.connection(['sh'], { policy: { deny: ['forbidden'] } });
      const reply = await lab.exec(connection, 'echo ran; # forbidden');
      assert.deepEqual([reply.output_status, reply.exit_code], ['blocked', 254]);
      assert.match(reply.output, /^Blocked by the following Guardrails rule/);
      const session = await lab.records(connection);
      assert.deepEqual([session.actions?.[0]?.verdict, session.end_reason], ['deny', 'denied']);
    });

    test('a program that is not there is named, with a shell’s exit code', async () => {
      const connection = await lab.connection(['no-such-program-here']);
      const reply = await lab.exec(connection, '');
      assert.deepEqual([reply.exit_code, reply.output_status], [127, 'failed']);
      assert.match(reply.output, /no-such-program-here/);
      const test = await lab.system.office.api
        .send(routes.testConnection, { params: { nameOrID: connection } })
        .catch((error: Error) => error);
      assert.match(String(test), /no-such-program-here/);
    });

    test('a person at a terminal sees what is recorded, and types what is not', async () => {
      const connection = await lab.connection(['bash', '--norc', '-i'], {
        secrets: { PS1: '$ ' },
        policy: { deny: ['forbidden'], mask: ['EMAIL_ADDRESS'] },
      });
      const client = await lab.sit(connection, { columns: 100, rows: 30 });
      await client.shows('$ ');
      await client.type('stty size; read -s -p "Se"cret: X\r');
      await client.shows(/30 100\r\nSecret:/);
      await client.type('hunter2-hunter2\r');
      await client.shows(/Secret:.*\$ $/s);
      await client.type('echo forbidden\r');
      await client.shows('Blocked by');
      await client.type('echo ann@exam"ple.test"\r');
      await client.shows('#####');
      await client.type('exit 4\r');
      await client.ended();
      assert.equal(client.exit?.code, 4);
      const session = await lab.records(connection);
      assert.equal(shownIn(session), client.stdout);
      assert.deepEqual(shownIn(session, 'notice'), client.notices.join(''));
      assert.deepEqual(
        session.actions?.map(({ via, text, verdict }) => `${via} ${verdict} ${text}`),
        [
          'terminal allow bash --norc -i',
          'line allow stty size; read -s -p "Se"cret: X',
          'line allow (not shown)',
          'line deny echo forbidden',
          'line allow echo ann@exam"ple.test"',
          'line allow exit 4',
        ],
      );
      assert.deepEqual([session.exit_code, session.verb, session.origin], [4, 'connect', 'cli']);
      assert.equal((session.metrics.masked as Record<string, number>).EMAIL_ADDRESS, 1);
      const audit = join(lab.system.home, 'audit');
      for (const file of fs.readdirSync(audit)) assert.equal(fs.readFileSync(join(audit, file)).includes('hunter2'), false);
    });

    test('an editor fills the screen, takes what is typed, and is left as it was entered', async () => {
      const connection = await lab.connection(['bash', '--norc', '-i'], { secrets: { PS1: '$ ', PATH: '/usr/bin:/bin' } });
      const client = await lab.sit(connection, { columns: 90, rows: 20 });
      await client.shows('$ ');
      await client.type('vi -u NONE letter\r');
      await client.shows('\x1b[?1049h');
      await client.type('iDear forbidden reader,\rénd');
      await client.shows(/é.*nd/s);
      await client.type('\x1b:wq\r');
      await client.shows('\x1b[?1049l');
      await client.type('cat letter\r');
      await client.shows(/\rDear forbidden reader,\r\nénd\r\n/);
      await client.type('exit\r');
      await client.ended();
      const session = await lab.records(connection);
      assert.deepEqual(
        session.actions?.map(({ text }) => text),
        ['bash --norc -i', 'vi -u NONE letter', 'cat letter', 'exit'],
      );
    });

    test('a script of the command line goes through the same gate', async () => {
      const connection = await lab.connection(['sh'], { policy: { deny: ['forbidden'] } });
      const fine = await lab.sit(connection, { mode: 'pipe', args: ['-s', 'one two'] }, 'exec');
      await fine.script('echo "<$1>"; exit 9');
      await fine.ended();
      assert.deepEqual([fine.stdout, fine.exit], ['<one two>\n', { code: 9 }]);
      const denied = await lab.sit(connection, { mode: 'pipe', args: ['-c', 'echo forbidden'] }, 'exec');
      await denied.script('');
      await denied.ended();
      assert.deepEqual([denied.stdout, denied.exit?.code], ['', 254]);
      assert.match(denied.notices[0] ?? '', /Blocked/);
    });

    test('each way in is open or closed for itself', async () => {
      const noExec = await lab.connection(['sh'], { exec: false });
      const noConnect = await lab.connection(['sh'], { connect: false });
      for (const [connection, verb, mode] of [
        [noExec, 'exec', 'pipe'],
        [noConnect, 'connect', 'pty'],
        [noConnect, 'connect', 'pipe'],
        // Whoever may run scripts only does not get a terminal by calling it a script.
        [noConnect, 'exec', 'pty'],
      ] as const) {
        const client = await (await lab.sit(connection, { mode }, verb)).ended();
        assert.equal(client.exit?.code, 254, `${verb} ${mode}`);
        assert.equal(client.notices.length, 1);
      }
      const works = await lab.sit(noConnect, { mode: 'pipe' }, 'exec');
      await works.script('echo works');
      assert.equal((await works.ended()).stdout, 'works\n');
    });

    test('a session that is killed ends with words, and nothing of it is left', async () => {
      const connection = await lab.connection(['bash', '--norc', '-i'], { secrets: { PS1: '$ ' } });
      const client = await lab.sit(connection);
      await client.shows('$ ');
      await client.type('sleep 600 & echo pid-$!-\r');
      await client.shows(/pid-\d+-/);
      const { id } = await lab.system.office.openSession(connection);
      await lab.system.office.kill(id);
      await client.ended();
      assert.equal(client.exit?.code, 254);
      assert.match(client.notices.at(-1) ?? '', /ended by admin@example.test/);
      const pid = /pid-(\d+)-/.exec(client.stdout)?.[1];
      await until('nothing of it is left', () => !fs.existsSync(`/proc/${pid}/cwd`));
      assert.equal(shownIn(await lab.records(connection)), client.stdout);
    });

    for (const way of ['leave', 'vanish'] as const) {
      test(`a client that ${way}s in the middle of a paste takes its command with it`, async () => {
        const connection = await lab.connection(['sh', '-c', 'stty raw -echo; echo pid-$$-; exec sleep 600']);
        const client = await lab.sit(connection);
        await client.shows(/pid-\d+-/);
        void client.type('x'.repeat(2_000_000));
        await new Promise((resolve) => setImmediate(resolve));
        client[way]();
        const pid = /pid-(\d+)-/.exec(client.stdout)?.[1];
        await until('nothing of it is left', () => !fs.existsSync(`/proc/${pid}/cwd`));
        await lab.system.office.endedSession(connection);
      });
    }

    test('a long transcript is read page by page, and nothing of it is lost', async () => {
      const connection = await lab.connection(['sh']);
      const client = await lab.sit(connection, { mode: 'pipe' }, 'exec');
      await client.script('head -c 14000000 /dev/zero | tr "\\0" x | fold -w 99; echo; echo end');
      await client.ended();
      const { id } = await lab.system.office.endedSession(connection);
      let shown = '';
      let pages = 0;
      for (let query: { after?: number; output_after?: number } | undefined = {}; query; ) {
        const session: Session = await lab.system.office.api.call(routes.getSession, {
          params: { session_id: id },
          query: { expand: 'event_stream', ...query },
        });
        shown += shownIn(session);
        pages++;
        query =
          session.next_after === undefined
            ? undefined
            : {
                after: session.next_after,
                ...(session.next_output_after === undefined ? {} : { output_after: session.next_output_after }),
              };
      }
      assert.ok(pages > 1 && pages < 10, `${pages} pages`);
      assert.ok(shown === client.stdout, `${shown.length} of ${client.stdout.length}`);
    });

    test('a connection without a command is refused when it is saved, and the field is named', async () => {
      const answer = await lab.connection([]).catch((error: Error) => error);
      assert.match(String(answer), /command/);
    });
  });
}

test('an agent that drains leaves no command behind, however deaf it is', async () => {
  const lab = await CommandLab.start('tunnel');
  try {
    const connection = await lab.connection(['sh', '-c', 'trap "" TERM HUP INT; echo pid-$$-; while :; do sleep 0.2; done']);
    const client = await lab.sit(connection);
    await client.shows(/pid-\d+-/);
    await lab.system.runner.drain(0);
    assert.equal(fs.existsSync(`/proc/${/pid-(\d+)-/.exec(client.stdout)?.[1]}/cwd`), false);
    await client.ended();
    assert.match(client.notices.at(-1) ?? '', /going down/);
  } finally {
    await lab.close();
  }
});
