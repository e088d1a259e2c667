import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Mask } from '@hoop/core/gate';
import { compileMasks, entityMask } from '@hoop/policy/masks';
import { kindOf } from '@hoop/protocols/postgres/types';
import { plainEnv } from '../../support/env.ts';
import { TestPostgres } from '../../support/test-postgres.ts';
import { Doorway } from './doorway.ts';
import { bind, cellsOf, execute, int16, message, parse, query, type Reply, sync, text, type WireClient } from './wire-client.ts';

const MAIL = 'grace.hopper@navy.example';
const HASHES = '#'.repeat(MAIL.length);
const CARD = '4111111111111111';
const CARD_HASHES = '#'.repeat(CARD.length);
const ADDRESS = '203.0.113.77';
const MAC = '08:00:2b:01:02:03';
const DAY = '1979-12-31';
const ENTITIES = ['EMAIL_ADDRESS', 'CREDIT_CARD', 'IP_ADDRESS', 'MAC_ADDRESS', 'DATE_TIME'];

const hex = (bytes: string): string => Buffer.from(bytes).toString('hex');

/** A value of each type, and the text of what is shown of it. */
const VALUES: readonly [sql: string, shown: string | null][] = [
  [`'to ${MAIL}'::text`, `to ${HASHES}`],
  [`'${MAIL}'::varchar(40)`, HASHES],
  [`'${MAIL}'::char(25)`, HASHES],
  [`'${MAIL}'::name`, HASHES],
  [`'<a>${MAIL}</a>'::xml`, `<a>${HASHES}</a>`],
  [`'${MAIL}'::address`, HASHES],
  [`'${MAIL}'::greeting`, HASHES],
  [`${CARD}::int8`, null],
  [`${CARD}::card`, null],
  [`${CARD}::numeric`, null],
  [`${CARD}.50::numeric(20, 2)`, null],
  [`-0.${CARD}::numeric`, null],
  [`${CARD}::float8`, null],
  [`'${ADDRESS}'::inet`, null],
  [`'${ADDRESS}/32'::cidr`, null],
  [`'2001:db8::7:7'::inet`, null],
  [`'${MAC}'::macaddr`, null],
  [`'${DAY}'::date`, null],
  [`'${DAY} 12:00'::timestamp`, null],
  [`'${DAY} 12:00+02'::timestamptz`, null],
  [`'${MAIL}'::bytea`, `\\x${hex(HASHES)}`],
  [`array['${MAIL}', 'a "b" \\, c', null]`, `{${HASHES},"a \\"b\\" \\\\, c",NULL}`],
  [`array[array['${MAIL}'], array['${CARD}']]`, `{{${HASHES}},{${CARD_HASHES}}}`],
  [`array[${CARD}, 5]`, '{NULL,5}'],
  [`array[${CARD}::numeric, 5.5]`, '{NULL,5.5}'],
  [`array['${ADDRESS}'::inet, '::1']`, null],
  [`array['${DAY}'::date]`, '{NULL}'],
  [`array['${MAIL}'::bytea]`, `{"\\\\x${hex(HASHES)}"}`],
  [`array['{"a": ${CARD}}'::jsonb]`, `{"{\\"a\\": null            }"}`],
  [
    `'{"mail": "to ${MAIL}", "card": ${CARD}, "list": [${CARD}, true]}'::json`,
    `{"mail": "to ${HASHES}", "card": null            , "list": [null            , true]}`,
  ],
  [`'{"mail": "to ${MAIL}", "card": ${CARD}, "n": 5}'::jsonb`, `{"n": 5, "card": null            , "mail": "to ${HASHES}"}`],
  [`row('${MAIL}', 'x')`, `(${HASHES},x)`],
  [`row('${MAIL}', 5)::pair`, `(${HASHES},5)`],
  [`row('x', ${CARD})::pair`, `(x,${CARD_HASHES})`],
  [`array[row('${MAIL}', 5)::pair]`, `{"(${HASHES},5)"}`],
  [`row('${MAIL}'::bytea)`, `("\\\\x${hex(HASHES)}")`],
  [`int8range(${CARD}, ${CARD}9)`, null],
  [`numrange(1, ${CARD})`, null],
  [`daterange('${DAY}', null)`, null],
  [`int8multirange(int8range(${CARD}, ${CARD}9))`, null],
  [`to_tsvector('simple', '${MAIL}')`, `'${HASHES}':1`],
];

/** What nothing that comes back may hold: texts, and their binary forms. */
const NEEDLES: readonly Buffer[] = [
  ...[MAIL, CARD, ADDRESS, MAC, DAY, hex(MAIL)].map((secret) => Buffer.from(secret)),
  Buffer.from(BigInt(CARD).toString(16).padStart(16, '0'), 'hex'),
  Buffer.from([4111, 1111, 1111, 1111].map((digits) => digits.toString(16).padStart(4, '0')).join(''), 'hex'),
  Buffer.from(ADDRESS.split('.').map(Number)),
  Buffer.from(MAC.replaceAll(':', ''), 'hex'),
];

/** What a server does not read again: a record of no type, a word that an enum has not. */
const UNREADABLE = /^row\([^:]*(::bytea)?\)$|greeting|tsvector/;

const SCALARS: readonly string[] = [
  ...[
    'true',
    'false',
    '5::int2',
    "'-32768'::int2",
    '2147483647',
    '-7',
    '9223372036854775807',
    "'-9223372036854775808'::int8",
    '9007199254740993',
  ],
  ...["'-9007199254740993'::int8", '4111111111111111', '-1::int8', '4294967296', '4000000000::oid'],
  ...[
    '0::numeric',
    '1.50::numeric',
    '-0.00012::numeric',
    '10000::numeric',
    '100000000.5::numeric',
    '4111111111111111::numeric',
    "'NaN'::numeric",
  ],
  ...[
    '0.00000001::numeric',
    '123456789012345678901234567890.123456789::numeric',
    '1e20::numeric',
    '1.5::float8',
    '-0.25::float4',
    '0.1::float4',
  ],
  ...[
    "'2024-02-29'::date",
    "'1999-12-31'::date",
    "'0044-03-15 BC'::date",
    "'12:34:56.789'::time",
    "'00:00'::time",
    "'12:34:56+05:30'::timetz",
  ],
  ...["'2024-02-29 23:59:59.999999'::timestamp", "'1969-07-20 20:17:40'::timestamp", "'1979-12-31 12:00+02'::timestamptz"],
  ...[
    "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
    "'203.0.113.7'::inet",
    "'203.0.113.0/24'::cidr",
    "'2001:db8::7:7'::inet",
    "'::1'::inet",
  ],
  ...[
    "'::ffff:203.0.113.7'::inet",
    "'2001:db8:1:2:3:4:5:6/64'::inet",
    "'08:00:2b:01:02:03'::macaddr",
    "'08:00:2b:01:02:03:04:05'::macaddr8",
  ],
  ...["b'10110'", "b'1011000011110000'::varbit"],
];

const describePortal = message('D', Buffer.from('P\0'));
const describeStatement = message('D', Buffer.from('S\0'));
const binaryBind = message('B', text(''), text(''), int16(0), int16(0), int16(1), int16(1));
const longBind = (format: number): Buffer =>
  message('B', text(''), text(''), int16(0), int16(1), Buffer.from([0, 1, 0x20, 0]), Buffer.alloc(0x12000, 'x'), int16(1), int16(format));

describe('a value that is masked, of any type', () => {
  let server: TestPostgres;
  let doorway: Doorway;
  let direct: Doorway;
  let client: WireClient;
  const others: Doorway[] = [];
  before(async () => {
    server = await TestPostgres.start();
    const database = await server.database();
    await server.sql(
      `create type pair as (mail text, n int8); create domain address as text; create domain card as int8;
       create type greeting as enum ('${MAIL}', 'hello')`,
      database,
    );
    doorway = await Doorway.open(server, database, { mask: entityMask(ENTITIES) });
    direct = await Doorway.open(server, database, {});
  });
  after(async () => {
    for (const each of [doorway, direct, ...others]) each?.close();
    await server.stop();
  });
  afterEach(() => client.destroy());

  async function cells(on: WireClient, ...parts: readonly Buffer[]): Promise<(string | null)[][]> {
    on.send(...parts);
    const replies = await on.until('Z');
    const error = replies.find(({ type }) => type === 'E');
    assert.equal(error?.body.toString(), undefined);
    return replies.filter(({ type }) => type === 'D').map(cellsOf);
  }

  const bare = (bytes: Buffer, way = ''): void => {
    for (const needle of NEEDLES) assert.equal(bytes.includes(needle), false, `${needle.toString('hex')} is in it, ${way}`);
  };

  for (const [sql, shown] of VALUES) {
    test(`is hidden in ${sql.replaceAll(MAIL, 'MAIL').replaceAll(CARD, 'CARD')}, in both formats`, async () => {
      client = await doorway.client();
      const select = `select ${sql}`;
      const inText = sql.startsWith("array['203") ? '{NULL,NULL}' : shown;
      const textWays: [string, Buffer[]][] = [
        ['query', [query(select)]],
        ['described portal', [parse('', select), bind(), describePortal, execute(), sync]],
        ['described statement', [parse('', select), describeStatement, bind(), execute(), sync]],
      ];
      for (const [way, parts] of textWays) {
        client.takeBytes();
        assert.deepEqual(await cells(client, ...parts), [[inText]], way);
        bare(client.takeBytes(), way);
      }
      const binaryWays: [string, Buffer[]][] = [
        ['described portal', [parse('', select), binaryBind, describePortal, execute(), sync]],
        ['described statement', [parse('', select), describeStatement, binaryBind, execute(), sync]],
        ['not known which', [parse('', `${select} where $1::text <> ''`), describeStatement, longBind(1), execute(), sync]],
        ['copied', [query(`copy (${select}) to stdout (format binary)`)]],
      ];
      for (const [way, parts] of binaryWays) {
        client.takeBytes();
        await cells(client, ...parts);
        const bytes = client.takeBytes();
        // Nobody says the types: what may be any number is not taken for a date.
        const isGuess = way === 'copied';
        if (!isGuess || !/date|timestamp|float8/.test(sql)) bare(bytes, way);
      }
    });
  }

  test('leaves a binary value that its client can read', async () => {
    client = await doorway.client();
    const plain = await direct.client();
    const back = async (sql: string): Promise<(string | null)[]> => {
      client.send(parse('', `select ${sql}`), binaryBind, describePortal, execute(), sync);
      const rows = (await client.until('Z')).filter(({ type }) => type === 'D');
      // What came in the binary format is given to the server again, to say it in text.
      return Promise.all(rows.map((row) => readBack(plain, sql, row)));
    };
    for (const [sql, shown] of VALUES.filter(([each, hidden]) => hidden !== null && !UNREADABLE.test(each))) {
      const [seen] = await back(sql);
      const expected = sql.startsWith("row('x'") ? '(x,)' : (shown?.replace('{NULL,NULL}', '') ?? null);
      // The server writes jsonb in a way of its own.
      assert.equal(seen, sql.includes('jsonb') ? (expected?.replace(/null +/g, 'null') ?? null) : expected, sql);
    }
    plain.destroy();
  });

  /** Through a prepared statement whose parameter has the type of the column. */
  async function readBack(on: WireClient, sql: string, row: Reply): Promise<string | null> {
    const length = row.body.readInt32BE(2);
    if (length < 0) return null;
    const [type] = await cells(on, query(`select pg_typeof(${sql})`));
    const name = type?.[0] === 'character' ? 'bpchar' : (type?.[0] ?? '');
    const value = row.body.subarray(6, 6 + length);
    const bound = message('B', text(''), text(''), int16(1), int16(1), int16(1), row.body.subarray(2, 6), value, int16(0));
    const [[seen] = []] = await cells(on, parse('', `select $1::${name}`), bound, execute(), sync);
    return seen ?? null;
  }

  test('is nothing of what has nothing to hide: that passes byte for byte', async () => {
    client = await doorway.client();
    const plain = await direct.client();
    const harmless = `select 5::int2, 7, 8::int8, 1.5::numeric, 2.5::float4, 3.5::float8, true, '\\x00ff'::bytea, array[1, 2], array['a', null],
      '{"a": [1, "b"]}'::jsonb, row(1, 'x'), int4range(1, 5), '12:00'::time, gen_random_uuid() is null, 'x'::"char", null::int8, now() is null, 12345678901234::int8,
      '10 days'::interval, '(1,2)'::point, 'hello'::greeting`;
    for (const parts of [
      [query(harmless)],
      [parse('', harmless), binaryBind, execute(), sync],
      [query(`copy (${harmless}) to stdout (format binary)`)],
    ]) {
      plain.takeBytes();
      client.takeBytes();
      plain.send(...parts);
      client.send(...parts);
      await Promise.all([plain.until('Z'), client.until('Z')]);
      assert.deepEqual(client.takeBytes(), plain.takeBytes());
    }
    plain.destroy();
  });

  test('is read by a driver that takes everything in the binary format', async () => {
    client = await direct.client();
    const some = [
      [`'${MAIL}'::text`, HASHES],
      [`${CARD}::int8`, null],
      [`${CARD}.5::numeric`, null],
      [`'${ADDRESS}'::inet`, null],
      [`'${DAY}'::date`, null],
      [`'${DAY}'::timestamptz`, null],
      [`array[${CARD}, 5]`, '[None, 5]'],
      [`array['${MAIL}', 'x']`, `['${HASHES}', 'x']`],
      [`'{"a": ${CARD}}'::jsonb`, '{"a": null            }'],
      [`row('${MAIL}', ${CARD})::pair`, `<Record mail='${HASHES}' n=None>`],
      [`int8range(${CARD}, null)`, null],
      [`'${MAIL}'::bytea`, `b'${HASHES}'`],
      ['7::int8', '7'],
    ] as const;
    const script = fileURLToPath(new URL('drivers/asyncpg-values.py', import.meta.url));
    const statements = [`select ${some.map(([sql]) => sql).join(', ')}`, 'select 8'];
    const args = [script, String(doorway.port), JSON.stringify(statements)];
    const { stdout } = await promisify(execFile)('/usr/bin/python3', args, { env: plainEnv(), timeout: 30_000 });
    const [row, next] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      row,
      some.map(([, shown]) => shown),
    );
    assert.deepEqual(next, ['8']);
  });

  test('may get another length, or none', async () => {
    const of = async (mask: Mask): Promise<Doorway> => {
      const opened = await Doorway.open(server, doorway.database, { mask });
      others.push(opened);
      return opened;
    };
    const select = `select '${MAIL}'::text, array['${MAIL}'], '{"a": "${MAIL}"}'::jsonb, ${CARD}::int8, '{"a": ${CARD}}'::json`;
    const token = await of(compileMasks([{ name: 'm', entities: ['EMAIL_ADDRESS', 'CREDIT_CARD'], strategy: 'token' }]));
    client = await token.client();
    const [row] = await cells(client, query(select));
    assert.match(row?.[0] ?? '', /^EMAIL_ADDRESS_[0-9a-f]{12}$/);
    assert.deepEqual(row, [row?.[0] ?? '', `{${row?.[0]}}`, `{"a": "${row?.[0]}"}`, null, row?.[4] ?? '']);
    assert.deepEqual(JSON.parse(row?.[4] ?? ''), { a: null });
    const [binary] = await cells(client, parse('', select), binaryBind, describePortal, execute(), sync);
    assert.equal(binary?.[0], row?.[0]);
    assert.equal(binary?.[1]?.endsWith(row?.[0] ?? '?'), true);
    assert.equal(binary?.[2], `\u0001{"a": "${row?.[0]}"}`);
    client.destroy();
    client = await (await of(compileMasks([{ name: 'm', entities: ['EMAIL_ADDRESS', 'CREDIT_CARD'], strategy: 'null' }]))).client();
    assert.deepEqual(await cells(client, query(select)), [[null, null, null, null, null]]);
  });

  test('is prepared for somebody else, whatever it is in', async () => {
    const own = entityMask(['EMAIL_ADDRESS', 'CREDIT_CARD']);
    const known = new Set<string>();
    const asking: Mask = {
      suspects: (bytes) => own.suspects(bytes),
      apply: (value, counts) => {
        return known.has(value.toString('latin1')) ? own.apply(value, counts) : Buffer.from('nobody was asked');
      },
      prepare: async (texts) => {
        await new Promise((resolve) => setImmediate(resolve));
        for (const each of texts) known.add(each.toString('latin1'));
      },
    };
    const opened = await Doorway.open(server, doorway.database, { mask: asking });
    others.push(opened);
    client = await opened.client();
    const all = `select '${MAIL}', ${CARD}::int8, array['${MAIL}'] from generate_series(1, 300); copy (select '${MAIL}') to stdout; select '${MAIL}'::int`;
    client.takeBytes();
    client.send(query(all), parse('', all.split(';')[0] ?? ''), binaryBind, execute(), sync);
    await client.until('Z');
    await client.until('Z');
    const bytes = client.takeBytes();
    bare(bytes);
    assert.equal(bytes.includes('nobody was asked'), false);
    assert.equal(bytes.toString('latin1').split(HASHES).length > 1200, true);
  });

  test('is read in the binary format as the server writes it in text', async () => {
    client = await direct.client();
    for (const sql of SCALARS) {
      const select = `select ${sql}`;
      client.send(query(`set timezone to 'UTC'; set datestyle to 'ISO'; ${select}`));
      const replies = await client.until('Z');
      assert.equal(replies.find((reply) => reply.type === 'E')?.body.toString(), undefined, sql);
      const described = replies.findLast(({ type }) => type === 'T')?.body ?? Buffer.alloc(0);
      const type = described.readUInt32BE(described.length - 12);
      const [[written] = []] = replies.filter((reply) => reply.type === 'D').map(cellsOf);
      client.send(parse('', select), binaryBind, execute(), sync);
      const row = (await client.until('Z')).find((reply) => reply.type === 'D')?.body ?? Buffer.alloc(0);
      const kind = kindOf(type);
      assert.equal(kind.as === 'scalar' && kind.render(row.subarray(6)), written, sql);
    }
  });

  test('is known by the numbers that this server gives its types', async () => {
    const rows = await server.sql(
      "select oid::int, typname, typelem::int, typtype, typarray::int from pg_type where oid < 10000 and typtype in ('b', 'r', 'm')",
    );
    for (const { oid, typname, typelem, typtype, typarray } of rows) {
      const kind = kindOf(Number(oid));
      if (kind.as === 'array') assert.equal(kind.of, Number(typelem), String(typname));
      if (typtype === 'r' || typtype === 'm') assert.equal(kind.as, 'range', String(typname));
      if (kind.as !== 'unknown' && kind.as !== 'array' && Number(typarray) !== 0)
        assert.equal(kindOf(Number(typarray)).as, 'array', `_${typname}`);
    }
    const ranges = await server.sql('select rngtypid::int, rngmultitypid::int, rngsubtype::int from pg_range where rngtypid < 10000');
    for (const { rngtypid, rngmultitypid, rngsubtype } of ranges) {
      assert.deepEqual(kindOf(Number(rngtypid)), { as: 'range', of: Number(rngsubtype), isMulti: false });
      assert.deepEqual(kindOf(Number(rngmultitypid)), { as: 'range', of: Number(rngsubtype), isMulti: true });
    }
  });
});
