import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ALLOW } from '@hoop/core/action';
import { AppError, Refusal } from '@hoop/core/errors';
import type { Mask } from '@hoop/core/gate';
import { CURSOR, client, MORE, OUT_PARAMETERS, packet, rows, server } from './testing/packets.ts';
import { clientSays, denying, played, serverSays, type Turn } from './testing/played.ts';

const said = (turns: readonly Turn[], by: Turn['by']): string =>
  Buffer.concat(turns.filter((turn) => turn.by === by).map(({ bytes }) => bytes)).toString('latin1');

/** Hides every `secret`, with something of another length. */
const longer: Mask = {
  suspects: (bytes) => bytes.includes('secret'),
  apply: (value, counts) => {
    if (!value.includes('secret')) return value;
    counts.WORD = (counts.WORD ?? 0) + 1;
    return Buffer.from(value.toString().replaceAll('secret', '[hidden here]'));
  },
};

const CONVERSATIONS: Readonly<Record<string, readonly Turn[]>> = {
  'queries with rows, without, with an error, and several at once': [
    clientSays(client.query('select a')),
    serverSays(rows(1, ['one', null, '', 'x'.repeat(200)])),
    clientSays(client.query('update t'), client.query('select wrong'), client.query('call two()')),
    serverSays(server.ok(1, 17), server.error(1, 'no such table')),
    serverSays(rows(1, ['1'], 2 | MORE), rows(6, ['2'], 2 | MORE), server.ok(11)),
    clientSays(client.useDatabase('d'), client.ping(), client.quit()),
    serverSays(server.ok(1), server.ok(1)),
  ],
  'prepared statements': [
    clientSays(client.prepare('select ?'), client.ping()),
    serverSays(server.prepared(1, 1, 1, 1), server.column(2, '?'), server.eof(3), server.column(4, '?'), server.eof(5), server.ok(1)),
    clientSays(client.executeWith(1, 'x'), client.longData(1, 0, 'ahead'), client.close(1)),
    serverSays(server.columns(1, 1), server.column(2, 'a'), server.eof(3), server.binaryRow(4, 'x'), server.eof(5)),
  ],
  'OUT parameters, which only their columns say more follows behind': [
    clientSays(client.prepare('call p(?)')),
    serverSays(server.prepared(1, 3, 0, 1), server.column(2, '?'), server.eof(3)),
    clientSays(client.executeWith(3, 'in'), client.ping()),
    serverSays(
      server.columns(1, 1),
      server.column(2, 'o'),
      server.eof(3, 2 | MORE | OUT_PARAMETERS),
      server.binaryRow(4, 'out'),
      server.eof(5),
    ),
    serverSays(server.ok(6), server.ok(1)),
  ],
  'a cursor': [
    clientSays(client.prepare('select c')),
    serverSays(server.prepared(1, 2, 1, 0), server.column(2, 'c'), server.eof(3)),
    clientSays(client.execute(2), client.fetch(2, 1)),
    serverSays(server.columns(1, 1), server.column(2, 'c'), server.eof(3, 2 | CURSOR), server.binaryRow(1, 'y'), server.eof(2, 2 | CURSOR)),
  ],
  'a file of the client': [
    clientSays(client.query("load data local infile 'f.txt' into table t")),
    serverSays(server.fileRequest(1, 'f.txt')),
    clientSays(client.filePart(2, '\x03drop table t'), client.filePart(3, 'x'), client.filePart(4, ''), client.ping()),
    serverSays(server.ok(5, 2), server.ok(1)),
  ],
};

describe('a MySQL session', () => {
  for (const [about, turns] of Object.entries(CONVERSATIONS)) {
    test(`A09: ${about}: passes byte for byte, whole and cut at every byte`, async () => {
      const whole = await played(turns);
      assert.equal(whole.toTarget, said(turns, 'client'));
      assert.equal(whole.toClient, said(turns, 'server'));
      assert.equal(whole.relay.busy, false);
      const longest = Math.max(...turns.map(({ bytes }) => bytes.length));
      for (let at = 1; at < longest; at++) {
        const cut = (bytes: Buffer): Buffer[] => [bytes.subarray(0, at), bytes.subarray(at)].filter(({ length }) => length > 0);
        const { toTarget, toClient, audit } = await played(turns, { cut });
        assert.deepEqual([toTarget, toClient, audit], [whole.toTarget, whole.toClient, whole.audit], `cut at ${at}`);
      }
      const single = await played(turns, { cut: (bytes) => [...bytes].map((byte) => Buffer.from([byte])), mask: longer });
      assert.deepEqual([single.toTarget, single.toClient], [whole.toTarget, whole.toClient]);
    });
  }

  test('is recorded by its statements, with parameters, rows and errors', async () => {
    const { audit } = await played(Object.values(CONVERSATIONS).flat());
    assert.deepEqual(
      audit.filter((line) => !line.includes('settled')).map((line) => line.replace(/^\d+ /, '')),
      [
        'query allow select a',
        'query allow update t',
        'query allow select wrong',
        'query allow call two()',
        'init-db allow USE `d`',
        'execute allow select ?\n-- parameters: "x"',
        'execute allow call p(?)\n-- parameters: "in"',
        'execute allow select c',
        'fetch allow select c',
        "query allow load data local infile 'f.txt' into table t",
        'load-local allow LOAD DATA LOCAL INFILE "f.txt"',
      ],
    );
    assert.deepEqual(
      audit.filter((line) => line.includes('settled')).map((line) => line.replace(/^\d+ settled (.*) masked.*/, '$1')),
      [
        'rows=4 error=',
        'rows=17 error=',
        'rows=0 error=1146 (42S02): no such table',
        'rows=2 error=',
        'rows=0 error=',
        'rows=1 error=',
        'rows=1 error=',
        'rows=0 error=',
        'rows=1 error=',
        'rows=0 error=',
        'rows=2 error=',
      ],
    );
  });

  for (const late of [false, true]) {
    test(`a denied command between others is answered in its turn${late ? ', when the verdict takes a while' : ''}`, async () => {
      const judge = late ? async (text: string) => denying('denied')(text) : denying('denied');
      const turns = [
        clientSays(
          client.query('select 1'),
          client.query('select denied'),
          client.prepare('denied too'),
          client.query('select 2'),
          client.changeUser('root', 'db'),
        ),
        serverSays(rows(1, ['1']), server.ok(1), server.ok(1), rows(1, ['2']), server.ok(1)),
      ];
      const { toTarget, toClient } = await played(turns, { judge });
      const ping = client.ping();
      assert.equal(toTarget, Buffer.concat([client.query('select 1'), ping, ping, client.query('select 2'), ping]).toString('latin1'));
      const refusal = packet(1, [0xff, 0x76, 0x04], '#42501no denied');
      const unsupported = packet(
        1,
        [0xff, 0xd3, 0x04],
        '#42000COM_CHANGE_USER to another user is not allowed through the gateway; open a new connection or use SQL instead',
      );
      assert.equal(toClient, Buffer.concat([rows(1, ['1']), refusal, refusal, rows(1, ['2']), unsupported]).toString('latin1'));
    });
  }

  test('a change to the same user resets the session, goes to the database that it names, and is answered once', async () => {
    const turns = [
      clientSays(client.prepare('select 1')),
      serverSays(server.prepared(1, 1, 0, 0)),
      clientSays(client.changeUser('ada', ''), client.changeUser('ada', 'd'), client.execute(1)),
      serverSays(server.ok(1), server.ok(1), server.ok(1, 7), server.ok(1)),
    ];
    const { toTarget, toClient, relay } = await played(turns);
    const reset = client.resetConnection();
    const sent = [client.prepare('select 1'), reset, reset, client.useDatabase('d'), client.ping()];
    assert.equal(toTarget, Buffer.concat(sent).toString('latin1'));
    const unknown = packet(1, [0xff, 0xdb, 0x04], '#HY000Unknown prepared statement handler (1) given to the gateway');
    const heard = [server.prepared(1, 1, 0, 0), server.ok(1), server.ok(1, 7), unknown];
    assert.equal(toClient, Buffer.concat(heard).toString('latin1'));
    assert.equal(relay.busy, false);
  });

  test('who was greeted with a newer version than the target’s asks for variables by their new names, and the target by its own', async () => {
    const { toTarget, audit } = await played([clientSays(client.query('select @@transaction_isolation'))]);
    assert.equal(toTarget, client.query('select @@tx_isolation').toString('latin1'));
    assert.match(audit[0] ?? '', /query allow select @@transaction_isolation$/);
  });

  for (const [where, database, sent, said, heard] of [
    ['to no database', '', client.ping(), server.ok(1), server.ok(2)],
    ['to a database', 'd', client.useDatabase('d'), server.ok(1, 7), server.ok(2, 7)],
    ['to one that is not there', 'd', client.useDatabase('d'), server.error(1, 'no d'), server.error(2, 'no d')],
    ['to one that policy denies', 'denied', client.ping(), server.ok(1), packet(2, [0xff, 0x76, 0x04], '#42501no denied')],
  ] as const) {
    test(`a change of user ${where} by a proof is told that the proof is good, and then how it went`, async () => {
      const turns = [
        clientSays(client.changeUser('ada', database, 'caching_sha2_password'), client.ping()),
        serverSays(server.ok(1), said, server.ok(1)),
      ];
      const { toTarget, toClient, relay } = await played(turns, { judge: denying('denied') });
      assert.equal(toTarget, Buffer.concat([client.resetConnection(), sent, client.ping()]).toString('latin1'));
      assert.equal(toClient, Buffer.concat([packet(1, [1, 3]), heard, server.ok(1)]).toString('latin1'));
      assert.equal(relay.busy, false);
    });
  }

  test('a change to a database that policy denies resets the session, and stays where it was', async () => {
    const turns = [clientSays(client.changeUser('ada', 'denied')), serverSays(server.ok(1), server.ok(1))];
    const { toTarget, toClient } = await played(turns, { judge: denying('denied') });
    assert.equal(toTarget, Buffer.concat([client.resetConnection(), client.ping()]).toString('latin1'));
    assert.equal(toClient, packet(1, [0xff, 0x76, 0x04], '#42501no denied').toString('latin1'));
  });

  test('A11: a denied file is never asked for, and what the server still says to the statement is not passed on', async () => {
    const load = client.query("load data local infile 'secret.txt' into table t; select 1");
    const turns = [
      clientSays(load),
      serverSays(server.fileRequest(1, 'secret.txt')),
      serverSays(server.ok(3, 0, 2 | MORE), rows(4, ['behind'])),
      clientSays(client.ping()),
      serverSays(server.ok(1)),
    ];
    const judge = (text: string) => (text.startsWith('LOAD') ? denying('secret')(text) : ALLOW);
    for (const cut of [(bytes: Buffer) => [bytes], (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]))]) {
      const { toTarget, toClient, relay } = await played(turns, { judge, cut });
      assert.equal(toTarget, Buffer.concat([load, packet(2), client.ping()]).toString('latin1'));
      assert.equal(toClient, Buffer.concat([packet(1, [0xff, 0x76, 0x04], '#42501no secret'), server.ok(1)]).toString('latin1'));
      assert.equal(relay.busy, false);
    }
  });

  test('A11: a file that no statement asked for, or another one than it named, ends the session', async () => {
    for (const sql of ['select 1', "load data local infile 'mine.txt' into table t", "load data infile '/etc/passwd' into table t"]) {
      const turns = [clientSays(client.query(sql)), serverSays(server.fileRequest(1, '/etc/passwd'))];
      await assert.rejects(played(turns), (error) => error instanceof AppError && error.code === 'target_file_request');
    }
    const piped = clientSays(client.query("load data local infile 'f' into table t"), client.query('select 1'));
    await assert.rejects(played([piped, serverSays(server.fileRequest(1, 'f'))]), /do|wait for the end of LOAD DATA LOCAL/);
  });

  test('a mask hides in both formats, in errors, in texts of OK and in names, whatever the new length', async () => {
    const turns = [
      clientSays(client.query('select a')),
      serverSays(rows(1, ['a secret', 'plain'], 2, 'secret name')),
      clientSays(client.query('wrong'), client.query('update')),
      serverSays(server.error(1, 'duplicate secret'), server.ok(1, 1, 2, 'the secret')),
      clientSays(client.prepare('select ?')),
      serverSays(server.prepared(1, 1, 1, 0), server.column(2, 'b'), server.eof(3)),
      clientSays(client.execute(1)),
      serverSays(server.columns(1, 1), server.column(2, 'b'), server.eof(3), server.binaryRow(4, 'secret'), server.eof(5)),
    ];
    const { toClient, audit } = await played(turns, { mask: longer });
    const hidden = turns.map(({ by, bytes }) => ({ by, bytes }));
    hidden[1] = serverSays(rows(1, ['a [hidden here]', 'plain'], 2, '[hidden here] name'));
    hidden[3] = serverSays(server.error(1, 'duplicate [hidden here]'), server.ok(1, 1, 2, 'the [hidden here]'));
    hidden[7] = serverSays(server.columns(1, 1), server.column(2, 'b'), server.eof(3), server.binaryRow(4, '[hidden here]'), server.eof(5));
    assert.equal(toClient, said(hidden, 'server'));
    assert.deepEqual(
      audit.filter((line) => line.includes('settled')).map((line) => line.replace(/^.*error=/, '')),
      [' masked={"WORD":3}', '1146 (42S02): duplicate [hidden here] masked={"WORD":1}', ' masked={"WORD":1}', ' masked={"WORD":1}'],
    );
  });

  test('says its last words with the number that the client waits for', async () => {
    const reason = new Refusal('session_killed', 'Ended by somebody');
    const idle = await played([clientSays(client.ping()), serverSays(server.ok(1))]);
    assert.equal(idle.relay.end(reason)[3], 1);
    const waiting = await played([clientSays(client.query('select 1'))]);
    assert.equal(waiting.relay.end(reason)[3], 1);
    assert.match(waiting.audit.at(-1) ?? '', /error=session ended: session_killed/);
    const inRows = await played([clientSays(client.query('select 1')), serverSays(rows(1, ['1', '2']).subarray(0, -9))]);
    assert.equal(inRows.relay.end(reason)[3], 6);
    const inPacket = await played([clientSays(client.query('select 1')), serverSays(rows(1, ['1', '2']).subarray(0, -10))]);
    assert.equal(inPacket.relay.end(reason).length, 0);
  });

  const faults: readonly [what: string, turns: readonly Turn[]][] = [
    ['a command of no bytes', [clientSays(packet(0))]],
    ['an answer that nothing asked for', [serverSays(server.ok(1))]],
    ['a result of more columns than there can be', [clientSays(client.query('x')), serverSays(packet(1, [0xfc, 0xff, 0xff]))]],
    ['a column definition that is cut', [clientSays(client.query('x')), serverSays(server.columns(1, 1), packet(2, [1]))]],
    [
      'parameters without their types',
      [
        clientSays(client.prepare('select ?')),
        serverSays(server.prepared(1, 1, 0, 1), server.column(2, '?'), server.eof(3)),
        clientSays(packet(0, [23, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0])),
      ],
    ],
    ['a prepared statement’s answer to a query', [clientSays(client.prepare('x')), serverSays(server.columns(1, 3))]],
  ];
  for (const [what, turns] of faults) {
    test(`A09: ${what} ends it as a fault of whoever said it`, async () => {
      await assert.rejects(played(turns), (error) => error instanceof AppError && (error.kind === 'peer' || error.kind === 'target'));
    });
  }
});
