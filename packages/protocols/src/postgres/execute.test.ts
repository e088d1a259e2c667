import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { dial } from '@hoop/core/wire';
import { execute } from './execute.ts';
import { message, server } from './testing/messages.ts';
import { ScriptedServer, type Speaker } from './testing/scripted-server.ts';

const servers: ScriptedServer[] = [];
after(() => {
  for (const each of servers) each.close();
});

/** Runs a script against a relay that says this; resolves with the output, and what the relay was told. */
async function run(behaviour: (speaker: Speaker) => unknown, outputBytesMax = 1_000_000) {
  const to = await ScriptedServer.start(behaviour);
  servers.push(to);
  const wire = await dial('127.0.0.1', to.port);
  const output: Buffer[] = [];
  const result = await execute({ wire, script: 'the script', write: (piece) => void output.push(piece), outputBytesMax });
  // It has said its last word; what the relay was told is whole when that has arrived.
  while (to.openConnections > 0) await new Promise((resolve) => setImmediate(resolve));
  wire.destroy();
  return { ...result, output: Buffer.concat(output).toString(), told: to.heard[0]?.toString('latin1') ?? '' };
}

const greeting = [server.authentication(0), server.parameter('a', 'b'), server.key(), server.ready()];

const saying =
  (...answer: readonly Buffer[]) =>
  async (speaker: Speaker): Promise<void> => {
    speaker.say(...greeting);
    await speaker.message();
    speaker.say(...answer);
  };

describe('a script', () => {
  test('is one query; its rows are lines, its results follow each other', async () => {
    const { output, exitCode, truncated, told } = await run(
      saying(
        server.columns('a', 'b'),
        server.row('1', null),
        server.row('', 'x\ty'),
        server.complete('SELECT 2'),
        server.notice('by the way'),
        server.complete('UPDATE 7'),
        server.columns('c'),
        server.row('1'),
        server.complete('SELECT 1'),
        server.ready(),
      ),
    );
    assert.equal(output, 'a\tb\n1\t\n\tx\ty\n(2 rows)\nNOTICE:  by the way\nUPDATE 7\nc\n1\n(1 row)\n');
    assert.deepEqual([exitCode, truncated], [0, false]);
    assert.match(told, /^Q.{4}the script\0X/s);
  });

  test('that fails says the target’s words, and ends with 1', async () => {
    const { output, exitCode } = await run(saying(server.error('42P01', 'no such table'), server.ready()));
    assert.deepEqual([output, exitCode], ['ERROR:  no such table\n', 1]);
  });

  test('that is denied ends with 254', async () => {
    const denied = message('E', Buffer.from('SERROR\0VERROR\0C42501\0MBlocked\0DRule: r\0HAsk\0Rhoop_guardrail\0\0'));
    const { output, exitCode } = await run(saying(denied, server.ready()));
    assert.deepEqual([output, exitCode], ['ERROR:  Blocked\nDETAIL:  Rule: r\nHINT:  Ask\n', 254]);
  });

  test('whose session cannot begin, or is ended, says why and does not wait', async () => {
    const refused = await run((speaker) => speaker.say(server.error('57P03', 'the agent is offline', 'FATAL')));
    assert.deepEqual([refused.output, refused.exitCode, refused.told], ['FATAL:  the agent is offline\n', 1, 'X\0\0\0\x04']);
    const ended = await run(saying(server.columns('a'), server.error('57P01', 'ended', 'FATAL')));
    assert.deepEqual([ended.output, ended.exitCode], ['a\nFATAL:  ended\n', 1]);
  });

  test('gets no input to copy from, and all of what is copied out', async () => {
    const copying = await run(async (speaker) => {
      speaker.say(...greeting);
      await speaker.message();
      speaker.say(server.copyIn());
      await speaker.message();
      speaker.say(server.error('57014', 'COPY failed'), server.ready());
    });
    assert.equal(copying.exitCode, 1);
    assert.match(copying.told, /f.{4}There is no input to copy from/s);
    const copied = await run(
      saying(server.copyOut(), server.copyData('1\tx\n'), server.copyDone(), server.complete('COPY 1'), server.ready()),
    );
    assert.equal(copied.output, '1\tx\nCOPY 1\n');
  });

  test('with more output than is kept says that it was cut, and is cut where it was said', async () => {
    const { output, truncated, exitCode } = await run(
      saying(server.columns('a'), server.row('0123456789'), server.row('0123456789'), server.complete('SELECT 2'), server.ready()),
      8,
    );
    assert.deepEqual([output, truncated, exitCode], ['a\n012345', true, 0]);
  });
});
