import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { routes } from '@hoop/contract/routes/all';
import { Seat, type SeatOptions } from '../../e2e/seat.ts';
import type { WrittenRule } from '../../policy/entry-points/cases.ts';
import type { Access } from '../../support/office.ts';
import { Reviewer } from '../../support/reviewer.ts';
import { TestSshd } from '../../support/test-sshd.ts';
import { until } from '../../support/until.ts';
import { Lab, SSH_KIND } from './lab.ts';

const READY = /ready>$/;
const SHELL = "exec env PS1='ready> ' HISTFILE= LC_ALL=C.UTF-8 bash --noprofile --norc -i";

describe('what is typed into a terminal over SSH', () => {
  let lab: Lab;
  const seats = new Set<Seat>();
  before(async () => {
    lab = await Lab.start();
  });
  afterEach(() => {
    for (const seat of seats) seat[Symbol.dispose]();
    seats.clear();
    lab.tidyUp();
  });
  after(() => lab.close());

  /** A way in for which these rules hold. */
  async function ruled(...rules: readonly WrittenRule[]): Promise<Access> {
    const access = await lab.access();
    await rule(access, ...rules);
    return access;
  }

  async function rule(access: Access, ...rules: readonly WrittenRule[]): Promise<void> {
    const body = { name: `rules ${randomUUID()}`, input: { rules: [...rules] }, connection_ids: [access.connectionId] };
    await lab.system.office.api.call(routes.createGuardrail, { body });
  }

  const words = (...list: string[]): WrittenRule => ({ type: 'deny_words_list', words: list, message: 'Not here' });

  /** Somebody at a terminal in which OpenSSH runs. */
  function sit(access: Access, args: readonly string[], options: SeatOptions = {}): Seat {
    const command = [...lab.options(access), ...args.slice(0, -1), `${access.connection}@gateway`, ...args.slice(-1)] as const;
    const seat = new Seat(['ssh', ...command.filter((word) => word !== '')], { columns: 250, ...options, env: lab.env(access) });
    seats.add(seat);
    return seat;
  }

  /** A shell at the host, ready. */
  async function shell(access: Access, options: SeatOptions = {}, args: readonly string[] = []): Promise<Seat> {
    const seat = sit(access, [...args, ''], options);
    await seat.sees(/[$#]$/);
    seat.type(`${SHELL}\r`);
    await seat.sees(READY);
    return seat;
  }

  /** What was judged or recorded of the newest session, as `verdict via text`. */
  async function recorded(access: Access, count: number): Promise<string[]> {
    return until(`${count} actions on ${access.connection}`, async () => {
      const session = (await lab.system.office.sessions(access.connection)).at(-1);
      const actions = session ? await lab.system.office.actions(session.id) : [];
      return actions.length >= count && actions.map(({ verdict, via, text }) => `${verdict} ${via} ${text}`);
    });
  }

  /** What was judged of lines, less the one that begins a shell that is known. */
  const lines = async (access: Access, count: number): Promise<string[]> =>
    (await recorded(access, count + 2)).filter((each) => / line /.test(each) && !each.includes('--noprofile'));

  test('a denied line in a shell does not run, and the next one does', async () => {
    const access = await ruled(words('forbidden'));
    const seat = await shell(access);
    seat.type('echo $((40+1))-forbidden\r');
    await seat.sees(/Not here.*\nready>$/s);
    seat.type('echo $((40+2))-fine\r');
    await seat.sees(/^42-fine$/m);
    assert.doesNotMatch(seat.text(), /^41/m);
    seat.type('exit 3\r');
    assert.equal((await seat.ended).exitCode, 3);
    assert.deepEqual(await lines(access, 3), ['deny line echo $((40+1))-forbidden', 'allow line echo $((40+2))-fine', 'allow line exit 3']);
    assert.equal((await recorded(access, 1))[0], 'allow terminal shell');
  });

  test('so it is in a program with a terminal that ssh -t begins', async () => {
    const access = await ruled(words('forbidden'));
    const seat = sit(access, ['-t', 'cat']);
    await until('a session', async () => (await recorded(access, 1)).length === 1);
    seat.type('one\r');
    await seat.sees(/one\none/);
    seat.type('forbidden\r');
    await seat.sees(/Not here/);
    seat.type('two\r\x04');
    await seat.sees(/two\ntwo/);
    assert.equal((await seat.ended).exitCode, 0);
    assert.doesNotMatch(seat.text(), /forbidden\n\s*forbidden/);
    assert.deepEqual(await recorded(access, 4), ['allow exec cat', 'allow line one', 'deny line forbidden', 'allow line two']);
  });

  test('a rule about commands lets a shell begin that has a terminal, and judges its lines; one without is forbidden', async () => {
    const access = await ruled({ type: 'command', commands: ['cat /etc/*'] });
    const seat = sit(access, ['']);
    await seat.sees(/[$#]$/);
    seat.type('cat /etc/hostname\r');
    await seat.sees(/type=command/);
    seat.type('echo ca""t\r');
    await seat.sees(/^cat$/m);
    const blind = await lab.ssh(access, ['-T', `${access.connection}@gateway`], { input: 'cat /etc/hostname\n' }).done;
    assert.equal(blind.exitCode, 254);
    assert.match(blind.stderr, /without a terminal/);
  });

  test('a shell is not taken for one in a terminal where the host gives none', async () => {
    const sshd = await TestSshd.start(['PermitTTY no']);
    try {
      const access = await lab.system.access(sshd.settings(), {}, SSH_KIND);
      await rule(access, { type: 'command', commands: ['cat /etc/*'] });
      const seat = sit(access, ['']);
      await seat.sees(/PTY allocation request failed.*without a terminal/s);
      assert.equal((await seat.ended).exitCode, 254);
      assert.deepEqual(await recorded(access, 1), ['deny shell shell']);
    } finally {
      await sshd.stop();
    }
  });

  test('what comes out of the history, over several rows, and with letters of any width is judged as it is shown', async () => {
    const access = await ruled(words('word11 # end'));
    const seat = await shell(access, { columns: 40, rows: 12 });
    const long = `: grüße 日本 ${Array.from({ length: 12 }, (_, at) => `word${at}`).join(' ')}`;
    seat.type(`${long}\r`);
    await seat.sees(/word11\nready>$/);
    seat.type('\x1b[A');
    await seat.sees(/word11$/);
    seat.type(' # ed\x1b[Dn\r');
    await seat.sees(/Not here/);
    seat.resize(60, 12);
    // The line editor keeps what became of the line of its history until another one was handed over.
    seat.type('\r');
    await seat.sees(/ready> *\nready>$/);
    seat.type(`\x1b[A${'\x7f'.repeat(6)}end\r`);
    await seat.sees(/end\nready>$/);
    const [first, denied, last] = await lines(access, 3);
    assert.equal(first, `allow line ${long}`);
    assert.equal(denied, `deny line ${long} # end`);
    assert.equal(last, `allow line ${long.slice(0, -6)}end`);
  });

  test('a line that is handed over in one piece with the key that brought it in is judged', async () => {
    const access = await lab.access();
    const seat = await shell(access);
    seat.type('echo $((40+1))-forbidden\r');
    await seat.sees(/^41-forbidden$/m);
    seat.type('clear\r');
    await seat.sees(/^ready>$/);
    await rule(access, words('forbidden'));
    // Rules reach a session that is open in their own time.
    await until('the rule holds', async () => {
      seat.type('true forbidden\r');
      await seat.sees(/ready>$/);
      return /Not here/.test(seat.text());
    });
    seat.type('\x1b[A\x1b[A\x1b[A\x1b[A\r');
    await until('it is denied', async () => (await recorded(access, 2)).filter((each) => /^deny line/.test(each)).length > 1);
    assert.doesNotMatch(seat.text(), /^41/m);
  });

  test('a paste is judged line for line, and what is behind a denied line does not run', async () => {
    const access = await ruled(words('forbidden'));
    const seat = await shell(access);
    seat.type('\x1b[200~echo a-$((1+1))\necho b-$((1+1))\x1b[201~');
    await seat.sees(/echo b-/);
    seat.type('\r');
    await seat.sees(/^b-2$/m);
    seat.type('\x1b[200~echo c-$((1+1)) forbidden\necho d-$((1+1))\x1b[201~\r');
    await seat.sees(/Not here/);
    seat.type('echo e-$((1+1))\recho forbidden\recho f-$((1+1))\r');
    await seat.sees(/^e-2$/m);
    await until('both are denied', async () => (await recorded(access, 3)).filter((each) => /^deny/.test(each)).length === 2);
    seat.type('echo g-$((1+1))\r');
    await seat.sees(/^g-2$/m);
    assert.doesNotMatch(seat.text(), /^[cdf]-2/m);
    assert.ok((await recorded(access, 3)).includes('allow line echo a-$((1+1))\necho b-$((1+1))'));
  });

  test('an editor fills the screen, keys that interrupt do so, and a password is in no record', async () => {
    const access = await ruled(words('forbidden'));
    const seat = await shell(access);
    const file = join('/tmp', `letter-${randomUUID()}`);
    seat.type(`vi -u NONE ${file}\r`);
    await seat.sees(/~\s+~/);
    seat.type('iDear forbidden reader,\rénd');
    await seat.sees(/énd/);
    seat.type('\x1b');
    seat.type(':wq\r');
    await seat.sees(READY);
    seat.type(`cat ${file}; rm ${file}\r`);
    await seat.sees(/^Dear forbidden reader,\nénd$/m);
    seat.type("sh -c 'echo sleeps; exec sleep 600'\r");
    await seat.sees(/^sleeps$/m);
    seat.type('\x03');
    await seat.sees(/\^C\nready>$/);
    seat.type('read -s -p "Secret: " X; echo got-${#X}\r');
    await seat.sees(/^Secret:$/m);
    seat.type('hunter2\r');
    await seat.sees(/got-7/);
    const all = await lines(access, 5);
    assert.deepEqual(all.slice(0, 3), [
      `allow line vi -u NONE ${file}`,
      `allow line cat ${file}; rm ${file}`,
      "allow line sh -c 'echo sleeps; exec sleep 600'",
    ]);
    assert.equal(all.at(-1), 'allow line (not shown)');
    assert.doesNotMatch(JSON.stringify(all), /hunter2/);
  });

  test('a line that needs approval waits for it, and other terminals of the same client do not', async () => {
    const access = await ruled({ ...words('careful'), action: 'require_approval' });
    const boss = await Reviewer.hire(lab.system.office, `boss-${randomUUID()}`, ['admin']);
    const socket = join(lab.directory, `mux-${randomUUID().slice(0, 8)}`);
    const first = await shell(access, {}, ['-M', '-S', socket]);
    const second = await shell(access, {}, ['-S', socket]);
    first.type('echo careful-$((40+2))\r');
    const review = await boss.asked(access.connection);
    first.type('echo behind-$((1+1))\r');
    second.type('echo other-$((1+1))\r');
    await second.sees(/^other-2$/m);
    assert.doesNotMatch(first.text(), /^careful-42/m);
    await boss.approve(review);
    await first.sees(/^careful-42\nready> echo behind.*\nbehind-2$/m);
    first.type('echo careful-again\r');
    await boss.reject(await boss.asked(access.connection), 'once is enough');
    await first.sees(/once is enough/);
    second.type('exit\r');
    await second.ended;
  });

  test('a channel that is left while its line is held sends nothing of it, and the session goes on', async () => {
    const access = await ruled({ ...words('careful'), action: 'require_approval' });
    const boss = await Reviewer.hire(lab.system.office, `boss-${randomUUID()}`, ['admin']);
    const socket = join(lab.directory, `mux-${randomUUID().slice(0, 8)}`);
    const mark = join('/tmp', `mark-${randomUUID()}`);
    const first = await shell(access, {}, ['-M', '-S', socket]);
    const second = await shell(access, {}, ['-S', socket]);
    second.type(`touch ${mark} # careful\r`);
    const review = await boss.asked(access.connection);
    second[Symbol.dispose]();
    first.type('echo still-$((1+1))\r');
    await first.sees(/^still-2$/m);
    await boss.approve(review);
    first.type(`ls ${mark}\r`);
    await first.sees(/No such file/);
  });

  test('a session that is killed while a line is held ends with words, and the line goes nowhere', async () => {
    const access = await ruled({ ...words('careful'), action: 'require_approval' });
    const boss = await Reviewer.hire(lab.system.office, `boss-${randomUUID()}`, ['admin']);
    const seat = await shell(access);
    seat.type('echo careful\r');
    await boss.asked(access.connection);
    const { id } = await lab.system.office.openSession(access.connection);
    await lab.system.office.kill(id);
    await seat.ended;
    await until('the words of the end', () => /ended by admin@example.test/.test(seat.output));
    assert.doesNotMatch(seat.text(), /^careful/m);
  });

  test('new keys in the middle change nothing of it', async () => {
    const access = await ruled(words('forbidden'));
    const seat = await shell(access, {}, ['-o', 'RekeyLimit=8K']);
    seat.type('seq 4000; echo d-$((1+1))\r');
    await seat.sees(/^d-2$/m);
    seat.type('echo forbidden\r');
    await seat.sees(/Not here/);
    seat.type('echo e-$((1+1))\r');
    await seat.sees(/^e-2$/m);
  });

  test('a rule that only warns says so on the terminal, and the line runs', async () => {
    const access = await ruled({ ...words('careful'), message: 'Mind this', action: 'warn' });
    const seat = await shell(access);
    seat.type('echo careful-$((50+2))\r');
    await seat.sees(/Mind this.*^careful-52$/ms);
    const record = await lab.system.office.actions((await lab.system.office.openSession(access.connection)).id);
    assert.match(record.at(-1)?.message ?? '', /Mind this/);
  });

  test('without rules lines are recorded all the same, of every terminal', async () => {
    const access = await lab.access();
    const seat = await shell(access);
    seat.type('echo one\r');
    await seat.sees(/^one$/m);
    seat.type('\x1b[A\x7f\x7f\x7ftwo\r');
    await seat.sees(/^two$/m);
    seat.type('read -s -p "Secret: " X; echo got-${#X}\r');
    await seat.sees(/^Secret:$/m);
    seat.type('hunter2\r');
    await seat.sees(/got-7\nready>$/);
    seat.type('\x1b[200~echo a\necho b\x1b[201~\r');
    await seat.sees(/^b$/m);
    seat.type('exit\r');
    await seat.ended;
    assert.deepEqual(await lines(access, 6), [
      'allow line echo one',
      'allow line echo two',
      'allow line read -s -p "Secret: " X; echo got-${#X}',
      'allow line (not shown)',
      'allow line echo a\necho b',
      'allow line exit',
    ]);
  });

  test('lines that were recorded without rules say what a rule would have done to them', async () => {
    const access = await lab.access();
    const since = new Date(Date.now() - 60_000).toISOString();
    const seat = await shell(access);
    seat.type('cat /etc/hostname\r');
    await seat.sees(/hostname\n.+\nready>$/);
    await lines(access, 1);
    const rules = [{ type: 'command' as const, commands: ['cat /etc/*'] }];
    const body = { input: { rules }, connection: access.connection, since };
    const { findings } = await lab.system.office.api.call(routes.replayGuardrail, { body });
    const found = findings.filter(({ text }) => text === 'cat /etc/hostname');
    assert.deepEqual(
      found.map(({ verdict }) => verdict),
      ['block'],
    );
    assert.equal(
      findings.some(({ text }) => text === 'shell'),
      false,
      'a terminal may begin',
    );
  });

  test('words of a denial show no value that the mask has hidden', async () => {
    const access = await lab.access({ deny: ['forbidden'], mask: ['EMAIL_ADDRESS'] });
    const seat = await shell(access);
    seat.type('printf "ann%sexample.test " @\r');
    await seat.sees(/^#+ ready>$/m);
    seat.type('echo forbidden\r');
    await seat.sees(/Not here.*\n#+ ready>$/s);
    assert.doesNotMatch(seat.output, /ann@/);
    seat.type('exit\r');
    await seat.ended;
  });

  test('of several terminals each is played alone, byte for byte and with its own sizes', async () => {
    const access = await lab.access();
    const socket = join(lab.directory, `mux-${randomUUID().slice(0, 8)}`);
    const first = await shell(access, { columns: 100, rows: 30 }, ['-M', '-S', socket]);
    const second = await shell(access, { columns: 70, rows: 20 }, ['-S', socket]);
    first.type('echo one-$((1+1))\r');
    await first.sees(/^one-2$/m);
    second.type('echo two-$((1+1))\r');
    await second.sees(/^two-2$/m);
    first.resize(90, 25);
    first.type('stty size\r');
    await first.sees(/^25 90$/m);
    const { id } = await lab.system.office.openSession(access.connection);
    const { api } = lab.system.office;
    const params = { session_id: id };
    const { terminals = [] } = await api.call(routes.getSession, { params, query: { expand: 'terminals' } });
    assert.deepEqual(
      terminals.map(({ text, size }) => [text, size?.columns]),
      [
        ['shell', 100],
        ['shell', 70],
      ],
    );
    for (const [at, seat] of [first, second].entries()) {
      const { seq = 0 } = terminals[at] ?? {};
      const recorded = async (): Promise<{ readonly data: string; readonly size?: { readonly columns: number } | undefined }[]> => {
        const { event_stream = [] } = await api.call(routes.getSession, { params, query: { expand: 'event_stream', terminal: seq } });
        return event_stream.flatMap(({ event }) => (event.type === 'output' ? [event] : []));
      };
      const played = (outputs: readonly { readonly data: string }[]): string =>
        Buffer.concat(outputs.map(({ data }) => Buffer.from(data, 'base64'))).toString();
      const isWhole = async (): Promise<boolean> => played(await recorded()) === seat.output;
      await until(`what terminal ${at + 1} showed`, isWhole).catch(() => undefined);
      const outputs = await recorded();
      assert.equal(played(outputs), seat.output);
      assert.deepEqual([...new Set(outputs.flatMap(({ size }) => (size ? [size.columns] : [])))], at === 0 ? [100, 90] : [70]);
    }
  });
});
