import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, test } from 'node:test';
import { encodeResize } from '@hoop/contract/terminal';
import { Refusal } from '@hoop/core/errors';
import { denying, eventually, forbidding, MASK, Seat, type SeatOptions } from './testing/seat.ts';

/** A shell that edits its line, in a terminal. */
const bash = (options: Partial<SeatOptions> = {}): Promise<Seat> =>
  Seat.take({
    command: ['bash', '--norc', '-i'],
    settings: { PS1: '$ ', HISTFILE: '' },
    ...options,
    start: { mode: 'pty', ...options.start },
  });

const program = (script: string, options: Partial<SeatOptions> = {}): Promise<Seat> =>
  Seat.take({ command: ['sh', '-c', script], ...options, start: { mode: 'pty', ...options.start } });

/** The lines that were asked about, with their verdicts. */
const lines = ({ audit }: Seat): string[] =>
  audit.filter((entry) => entry.startsWith('line ') && entry !== 'line settled').map((entry) => entry.slice(5));

describe('a terminal', () => {
  test('is one, of the size and kind that the client has', async () => {
    await using seat = await program('tty; stty size; echo $TERM; tput colors', {
      start: { columns: 132, rows: 50, term: 'xterm-256color' },
    });
    await seat.ended();
    assert.match(seat.stdout, /^\/dev\/pts\/\d+\r\n50 132\r\nxterm-256color\r\n256\r\n$/);
    assert.deepEqual(seat.exit, { code: 0 });
    assert.match(seat.audit[0] ?? '', /^terminal allow sh -c 'tty; stty size/);
  });

  test('is not begun when its command is denied', async () => {
    await using seat = await program('echo forbidden', { judge: denying('forbidden') });
    await seat.ended();
    assert.deepEqual([seat.stdout, seat.exit?.code, seat.notices], ['', 254, ['no forbidden here']]);
    assert.equal(seat.target.wire.open, false);
  });

  test('is ended when it shows what a rule forbids, with words that say so', async () => {
    await using seat = await bash({ judge: forbidding('top secret') });
    await seat.type("printf 'top'; sleep 0.1; echo ' secret'; sleep 600\r");
    await seat.ended();
    assert.deepEqual([seat.notices, seat.exit], [['no top secret here'], { code: 254 }]);
    assert.doesNotMatch(seat.stdout, /top secret/);
    assert.ok(seat.outcomes.some(({ error }) => error === 'denied: r'));
  });

  test('gets a new size, and the program hears of it', async () => {
    await using seat = await program('trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.05; done');
    await seat.shows('ready');
    await seat.send(Buffer.from(encodeResize(100, 40)));
    await seat.ended();
    assert.match(seat.stdout, /40 100/);
  });

  test('passes colours, UTF-8 and control sequences unchanged', async () => {
    await using seat = await program(
      "stty -opost; printf '\\033[31mrot\\033[0m \\303\\251\\342\\202\\254 \\360\\237\\230\\200\\033]0;title\\007'",
    );
    await seat.ended();
    assert.equal(Buffer.from(seat.stdout, 'latin1').toString(), '\x1b[31mrot\x1b[0m é€ 😀\x1b]0;title\x07');
  });

  test('gives a key’s signal to the program in its foreground', async () => {
    await using seat = await bash();
    await seat.shows('$ ');
    for (const [round, interrupt] of [() => seat.type('\x03'), () => seat.signal('INT')].entries()) {
      await seat.type(`sh -c 'echo sleeps-$((${round}+5)); exec sleep 600'\r`);
      await seat.shows(`sleeps-${round + 5}`);
      await interrupt();
      await seat.shows(new RegExp(`sleeps-${round + 5}.*\\$ $`, 's'));
    }
    await seat.type('exit 5\r');
    await seat.ended();
    assert.equal(seat.exit?.code, 5);
  });

  test('passes a paste of a megabyte without loss', async () => {
    const line = `${'0123456789abcdef'.repeat(4)}\r`;
    const count = 16_000;
    await using seat = await program(`stty -echo; echo ready; head -n ${count} | md5sum; head -n 1`);
    await seat.shows('ready');
    await seat.type(Buffer.from(`${line.repeat(count)}end\r`));
    await seat.ended();
    const { createHash } = await import('node:crypto');
    assert.match(seat.stdout, new RegExp(createHash('md5').update(line.replace('\r', '\n').repeat(count)).digest('hex')));
    assert.match(seat.stdout, /end\r\n$/);
  });

  test('passes a paste that is shown without loss, and records every line of it', async () => {
    const count = 500;
    await using seat = await program(`echo ready; head -n ${count} | md5sum`);
    await seat.shows('ready');
    const text = Array.from({ length: count }, (_, at) => `line number ${at}`);
    await seat.type(text.map((line) => `${line}\r`).join(''));
    await seat.ended();
    assert.deepEqual(
      lines(seat),
      text.map((line) => `allow ${line}`),
    );
    const { createHash } = await import('node:crypto');
    assert.match(
      seat.stdout,
      new RegExp(
        createHash('md5')
          .update(text.map((line) => `${line}\n`).join(''))
          .digest('hex'),
      ),
    );
  });

  test('is not stuck when a program reads nothing', async () => {
    await using seat = await program('stty raw -echo; echo $$; exec sleep 600');
    await seat.shows('\n');
    const typing = seat.type(Buffer.alloc(1_000_000, 'x'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    seat.finish(new Refusal('session_killed', 'Ended'));
    await typing;
    await seat.target.released?.();
    assert.equal(fs.existsSync(`/proc/${Number.parseInt(seat.stdout, 10)}/environ`), false);
  });

  test('gives all output to a slow client, also what came just before the end', async () => {
    let turn = 0;
    const slow = (): Promise<void> | undefined => (turn++ % 16 === 0 ? new Promise((resolve) => setTimeout(resolve, 60)) : undefined);
    await using seat = await program('head -c 1000000 /dev/zero | tr "\\0" x; echo end', { slow });
    await seat.ended();
    assert.equal(seat.stdout.length, 1_000_005);
    assert.ok(seat.stdout.endsWith('end\r\n'));
  });

  test('leaves nothing running, whatever job the shell had', async () => {
    await using seat = await bash();
    await seat.shows('$ ');
    await seat.type('set -m; nohup sleep 600 >/dev/null 2>&1 & sleep 601 & setsid sleep 602 & jobs -p; echo ok\r');
    await seat.shows(/\nok/);
    const pids = seat.stdout.match(/^\d+\r$/gm)?.map(Number) ?? [];
    assert.ok(pids.length >= 3, seat.stdout);
    seat.target.wire.end();
    await seat.ended();
    for (const pid of pids) assert.equal(fs.existsSync(`/proc/${pid}/cwd`), false, `${pid} lives`);
  });
});

describe('a line that is typed', () => {
  test('is recorded as it was edited, with how much came after it', async () => {
    await using seat = await bash();
    await seat.shows('$ ');
    await seat.type('echo wrung\x7f\x7f\x7fong\x01\x1b[C\x1b[C\x1b[C\x1b[C\x05 twice\x17once\r');
    await seat.shows('\rwrong once');
    await seat.type('\r');
    await seat.type('exit\r');
    await seat.ended();
    assert.deepEqual(lines(seat), ['allow echo wrong once', 'allow exit']);
    assert.equal(seat.audit.filter((entry) => entry === 'line settled').length, 2);
    assert.ok((seat.outcomes[0]?.bytes ?? 0) >= 'wrong once\r\n'.length);
  });

  test('that is denied does not run, and the next one does', async () => {
    await using seat = await bash({ judge: denying('forbidden') });
    await seat.shows('$ ');
    await seat.type('echo $((40+1))-forbidden\r');
    await seat.shows('no forbidden here');
    assert.deepEqual(seat.notices, ['no forbidden here']);
    await seat.type('echo $((40+2))-fine\r');
    await seat.shows('42-fine');
    assert.equal(seat.stdout.includes('41-forbidden'), false);
    assert.deepEqual(lines(seat), ['deny echo $((40+1))-forbidden', 'allow echo $((40+2))-fine']);
    await seat.type('exit\r');
    await seat.ended();
  });

  test('that is denied takes the rest of its paste with it', async () => {
    await using seat = await bash({ judge: denying('cd') });
    await seat.shows('$ ');
    await seat.type('cd /tmp/x\recho $((40+1))\r');
    await seat.shows('no cd here');
    await seat.type('echo $((40+2))\r');
    await seat.shows('\r42');
    assert.equal(seat.stdout.includes('\r41'), false);
  });

  test('that comes out of the history is judged as it is shown', async () => {
    const judged = { denied: '' };
    await using seat = await bash({
      judge: (action) => (judged.denied && action.text.includes(judged.denied) ? denying(judged.denied)(action) : { allow: true }),
    });
    await seat.shows('$ ');
    await seat.type('echo one-$((1+1))\r');
    await seat.shows('one-2');
    judged.denied = 'one';
    await seat.type('\x1b[A');
    await seat.shows(/one-2\r\n(.*\$ )echo one-\$\(\(1\+1\)\)/s);
    await seat.type('\r');
    await seat.shows('no one here');
    assert.deepEqual(lines(seat), ['allow echo one-$((1+1))', 'deny echo one-$((1+1))']);
    await seat.type('echo two\r');
    await seat.shows('\rtwo');
  });

  test('that comes out of the history in one piece with its Enter is judged, too', async () => {
    const judged = { denied: '' };
    await using seat = await bash({ judge: (action) => (judged.denied ? denying(judged.denied)(action) : { allow: true }) });
    await seat.shows('$ ');
    await seat.type('echo one-$((1+1))\r');
    await seat.shows(/one-2\r\n.*\$ $/s);
    judged.denied = 'one';
    await seat.type('\x1b[A\r');
    await seat.shows('no one here');
    assert.equal(seat.stdout.split('one-2').length, 2);
  });

  test('that is typed ahead and begins as the one before is judged, too', async () => {
    await using seat = await program('while read -r line; do echo "<$line>"; done', { judge: denying('forbidden') });
    await seat.type('x\rx forbidden\ry\r');
    await seat.shows('no forbidden here');
    await seat.type('z\r');
    await seat.shows('<z>');
    assert.deepEqual(lines(seat), ['allow x', 'deny x forbidden', 'allow z']);
  });

  test('that is denied draws its prompt as the mask left it', async () => {
    await using seat = await bash({ judge: denying('forbidden'), mask: MASK });
    await seat.shows('$ ');
    await seat.type('printf "ann%sexample.test " @\r');
    await seat.shows(/#+ .*\$ $/s);
    await seat.type('echo forbidden\r');
    await seat.shows(/no forbidden here.*#+ \$ /s);
    assert.doesNotMatch(seat.stdout, /ann@/);
  });

  test('that is completed is judged as it is shown', async () => {
    await using seat = await bash();
    await seat.shows('$ ');
    await seat.type('touch forbidden-file; echo made\r');
    await seat.shows(/\rmade\r\n.*\$ $/s);
    await seat.type('ls forb\t');
    await seat.shows(/ls forbidden-file/);
    await seat.type('\r');
    await eventually('it is recorded', () => lines(seat).length === 2);
    assert.equal(lines(seat)[1], 'allow ls forbidden-file');
  });

  test('that goes over several rows is judged whole', async () => {
    await using seat = await bash({ start: { columns: 30 } });
    await seat.shows('$ ');
    const words = Array.from({ length: 12 }, (_, at) => `word${at}`).join(' ');
    await seat.type(`echo ${words}\r`);
    await seat.shows(/\rword0 word1 /);
    await seat.type('\x1b[A');
    await seat.shows(/word11.*word11.*word11/s);
    await seat.type('\r');
    await eventually('it is recorded', () => lines(seat).length === 2);
    assert.deepEqual(lines(seat), [`allow echo ${words}`, `allow echo ${words}`]);
  });

  test('that the terminal does not show is never recorded', async () => {
    await using seat = await bash();
    await seat.shows('$ ');
    await seat.type('read -s -p "Secret: " X; echo got-${#X}\r');
    await seat.shows(/\rSecret: $/);
    await seat.type('hunter2\r');
    await seat.shows('got-7');
    await seat.type('exit\r');
    await seat.ended();
    assert.deepEqual(lines(seat), ['allow read -s -p "Secret: " X; echo got-${#X}', 'allow (not shown)', 'allow exit']);
    assert.equal(JSON.stringify(seat.audit).includes('hunter2'), false);
  });

  test('in a full-screen program is not looked at, and is again afterwards', async () => {
    await using seat = await program("printf '\\033[?1049h'; head -n 1; printf '\\033[?1049l'; echo back; head -n 1");
    await seat.shows('1049h');
    await seat.type('forbidden inside\r');
    await seat.shows('back');
    await seat.type('outside\r');
    await seat.ended();
    assert.deepEqual(lines(seat), ['allow outside']);
  });

  test('that is pasted as such is judged line for line, and recorded as one', async () => {
    await using seat = await bash({ judge: denying('forbidden') });
    await seat.shows('[?2004h$ ');
    await seat.type('\x1b[200~echo a-$((1+1))\necho b-$((1+1))\x1b[201~');
    await seat.shows('echo b-');
    await seat.type('\r');
    await seat.shows('b-2');
    assert.equal(lines(seat).at(-1), 'allow echo a-$((1+1))\necho b-$((1+1))');
    await seat.type('\x1b[200~echo c-$((1+1)) forbidden\necho d-$((1+1))\x1b[201~\r');
    await seat.shows('no forbidden here');
    await seat.type('echo e-$((1+1))\r');
    await seat.shows('e-2');
    assert.equal(/[cd]-2/.test(seat.stdout), false);
  });

  test('in the system’s own line editing is judged, and cleared', async () => {
    await using seat = await program('while read -r line; do echo "<$line>"; done', { judge: denying('forbidden') });
    await seat.type('first\r');
    await seat.shows('<first>');
    await seat.type('forbidden\r');
    await seat.shows('no forbidden here');
    await seat.type('second\r');
    await seat.shows('<second>');
    assert.equal(seat.stdout.includes('<forbidden'), false);
    await seat.type('part forbidden\x04');
    await seat.type('third\r\x04');
    await seat.shows('<third>');
    await seat.ended();
    assert.equal(seat.stdout.includes('<part'), false);
  });

  test('waits for an echo that comes late', async () => {
    const python =
      'import os,sys,time,tty\ntty.setraw(0)\nos.write(1,b"> ")\nb=b""\nwhile not b.endswith(b"\\r"):\n  b+=os.read(0,1)\n  time.sleep(0.03)\n  os.write(1,b[-1:])\n';
    await using seat = await Seat.take({ command: ['python3', '-c', python], start: { mode: 'pty' } });
    await seat.shows('> ');
    await seat.type('slow\r');
    await seat.ended();
    assert.deepEqual(lines(seat), ['allow slow']);
  });
});

describe('a terminal whose output is masked', () => {
  test('hides a value whatever colours are in it, and stays quick', async () => {
    await using seat = await bash({ mask: MASK });
    await seat.shows('$ ');
    await seat.type("printf 'ann\\033[31m@example\\033[0m.te''st|\\n'\r");
    await seat.shows('###\x1b[31m########\x1b[0m#####|');
    await seat.type('exit\r');
    await seat.ended();
    assert.equal(seat.outcomes.at(-1)?.masked?.MAIL, 1);
  });
});
