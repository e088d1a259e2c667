import {
  bind,
  close,
  copyData,
  copyDone,
  copyFail,
  describe,
  execute,
  extended,
  flush,
  functionCall,
  int16,
  int32,
  message,
  parse,
  query,
  sync,
  text,
  type WireClient,
} from './wire-client.ts';

/** Bytes to send, and how many of which message to wait for: `Z`, `Z Z`, `G`. */
export interface Step {
  readonly send: readonly Buffer[];
  readonly await: string;
}

export interface Conversation {
  readonly about: string;
  readonly steps: readonly Step[];
}

const say = (awaited: string, ...send: Buffer[]): Step => ({ send, await: awaited });
const ask = (sql: string): Step => say('Z', query(sql));

/** What the conversations find in the database. It is as before when one is over. */
export const GROUND = `
  create table people (id int primary key, mail text, note bytea);
  insert into people select n, 'person' || n || '@example.org', decode(repeat('ff00', n % 5), 'hex') from generate_series(1, 500) n;
  create table later (id int, constraint once unique (id) deferrable initially deferred);
  create sequence counter;
  create function shout(word text) returns text language plpgsql as $$ begin raise notice 'about to shout %', word; return upper(word); end $$;
  create function boom() returns void language plpgsql as $$ begin raise exception 'boom' using detail = 'a detail', hint = 'a hint', errcode = 'P0042'; end $$;
  grant all on all tables in schema public to public; grant all on sequence counter to public;
`;

/** Bind that asks for binary results. */
const bindBinary = message('B', text(''), text(''), int16(0), int16(0), int16(1), int16(1));

/** Bind with a null and an empty parameter. */
const bindNull = message('B', text(''), text(''), int16(0), int16(2), int32(-1), int32(0), int16(0));

const LO_CREATE = 715;
const LO_OPEN = 952;
const LO_WRITE = 955;
const LO_READ = 954;
const LO_SEEK = 956;
const LO_CLOSE = 953;
const LO_UNLINK = 964;

export const CONVERSATIONS: readonly Conversation[] = [
  {
    about: 'simple queries, one and several at once, empty ones, and settings',
    steps: [
      ask('select 1 as one, null as nothing, $$ $$ as space'),
      ask('select 1; select 2, 3; insert into people values (1000, null, null); delete from people where id = 1000; select'),
      ask(''),
      ask(' ; -- nothing\n'),
      ask("set application_name to 'somebody else'"),
      ask("set datestyle to 'German'; show datestyle; reset datestyle"),
      ask('select * from people order by id'),
      ask("select repeat('long ', 300000)"),
      ask('values (1), (2), (3)'),
    ],
  },
  {
    about: 'errors, notices, and transactions with an error in them',
    steps: [
      ask("select shout('hello')"),
      ask('select boom()'),
      ask('selec 1'),
      ask('begin'),
      ask('select 1 / 0'),
      ask('select 1'),
      ask('rollback'),
      ask('begin; select 1/0; select 2'),
      ask('rollback'),
      ask('begin'),
      ask('savepoint one'),
      ask('select nothing'),
      ask('rollback to one'),
      ask('select 3'),
      ask('commit'),
    ],
  },
  {
    about: 'the extended protocol: names, portals, formats, and rows in portions',
    steps: [
      say('Z', parse('all', 'select id, mail from people order by id limit 5'), describe('S', 'all'), sync),
      say('Z', bind('', 'all'), describe('P'), execute(), sync),
      say('Z', query('begin')),
      say(
        'Z',
        bind('portal', 'all'),
        execute('portal', 2),
        execute('portal', 2),
        execute('portal', 2),
        execute('portal', 2),
        close('P', 'portal'),
        sync,
      ),
      say('Z', query('commit')),
      say('Z', parse('', 'select $1::text, $2::text'), bindNull, describe('P'), execute(), sync),
      say('Z', parse('', 'select note, id, mail from people order by id limit 7'), bindBinary, describe('P'), execute(), sync),
      say('Z', parse('', 'set extra_float_digits to 2'), describe('S'), bind(), describe('P'), execute(), sync),
      say('Z', parse('', ''), bind(), describe('P'), execute(), sync),
      say('1', parse('flushed', 'select 1'), flush),
      say('D', bind('', 'flushed'), execute(), flush),
      say('Z', close('S', 'flushed'), close('S', 'never there'), sync),
      say('Z', close('S', 'all'), sync),
    ],
  },
  {
    about: 'pipelines, with errors in them',
    steps: [
      say('Z Z Z', extended('select 1'), sync, extended('select 2'), sync, extended('select 3'), sync),
      say('Z Z', extended('select 1'), extended('select nothing'), extended('select 2'), sync, extended('select 3'), sync),
      say('Z', parse('again', 'select 1'), parse('again', 'select 2'), bind('', 'again'), execute(), sync),
      say('Z', bind('', 'again'), execute(), sync),
      say('Z', bind('', 'no such statement'), execute(), sync),
      say('Z', execute('no such portal'), sync),
      say('Z Z Z', query('select 1'), extended('select 2'), sync, query('select 3')),
      say('Z', close('S', 'again'), sync),
      say('Z', sync),
      say('Z Z', sync, sync),
    ],
  },
  {
    about: 'an error without a Sync, and messages behind it that the server passes over',
    steps: [
      say('E', extended('select nothing'), flush),
      say('Z', extended('select 1'), query('select 2'), execute('x'), describe('S', 'y'), flush, sync),
      ask('select 3'),
      say('E', parse('', 'selec'), flush),
      say('Z', bind(), execute(), sync),
      ask('select 4'),
    ],
  },
  {
    about: 'COPY in both directions and both protocols, ended well and badly',
    steps: [
      ask('copy (select * from people order by id limit 20) to stdout'),
      ask('copy (select * from people order by id limit 20) to stdout (format binary)'),
      ask('copy (select 1 / (id - 3) from people order by id) to stdout'),
      say('G', query('copy people from stdin')),
      say('Z', copyData('2001\ta@b.example\t\\N\n20'), copyData('02\t\\N\t\\N\n'), copyDone),
      say('G', query('copy people from stdin')),
      say('Z', copyData('2003\ta@b.example\t\\N\n'), copyFail('changed my mind')),
      say('G', query('copy people from stdin')),
      say('Z', copyData('not a number\n'), copyDone),
      say('Z', query('copy people from stdin'), copyData('2004\t\\N\t\\N\n'), copyDone),
      say('Z', extended('copy people from stdin'), copyData('2005\t\\N\t\\N\n'), copyDone, sync),
      say('G', extended('copy people from stdin'), sync),
      say('Z', copyData('2006\t\\N\t\\N\n'), copyDone, sync),
      say('G', extended('copy people from stdin'), sync),
      say('Z', copyFail('no'), sync),
      say('G', extended('copy people from stdin'), sync),
      say('E', copyData('neither is this\t\t\n'), copyDone),
      say('Z', sync),
      say('Z', extended('copy (select id from people order by id limit 3) to stdout'), sync),
      say('G', query('copy people from stdin; select 1; copy people from stdin')),
      say('G', copyData('2007\t\\N\t\\N\n'), copyDone),
      say('Z', copyDone),
      // Data that nobody waits for any more is passed over.
      say('Z', copyData('late\n'), copyDone, copyFail('late'), query('select 5')),
      ask('delete from people where id > 2000'),
    ],
  },
  {
    about: 'prepared statements and cursors of SQL',
    steps: [
      ask('prepare p (int) as select $1 + 1'),
      ask('execute p (41)'),
      say('Z', bind('', 'p', ['1']), execute(), sync),
      ask('deallocate p'),
      ask('execute p (41)'),
      ask('begin'),
      ask('declare c cursor for select id from people order by id'),
      ask('fetch 3 from c'),
      ask('move 10 in c'),
      say('Z', describe('P', 'c'), execute('c', 2), sync),
      ask('fetch backward 2 from c'),
      ask('close c'),
      ask('commit'),
      say('Z', parse('q', 'select 1'), sync),
      ask('discard all'),
      say('Z', bind('', 'q'), execute(), sync),
    ],
  },
  {
    about: 'notifications and a deferred constraint that fails at the Sync',
    steps: [
      ask('listen news; listen "Other News"'),
      say('Z', query("notify news, 'first'")),
      say('Z', query('begin; notify "Other News", \'second\'; notify news; commit')),
      ask('unlisten *'),
      say('Z', extended('insert into later values (1), (1)'), sync),
      say('Z', extended('select 1'), sync),
      ask('begin; insert into later values (2), (2)'),
      ask('commit'),
      ask('select count(*) from later'),
    ],
  },
  {
    about: 'function calls, as large objects are read and written with',
    steps: [
      ask('begin'),
      say('Z', functionCall(LO_CREATE, [int32(424242)])),
      say('Z', functionCall(LO_OPEN, [int32(424242), int32(0x60000)])),
      say('Z', functionCall(LO_WRITE, [int32(0), Buffer.from('some bytes'.repeat(1000))])),
      say('Z', functionCall(LO_SEEK, [int32(0), int32(5), int32(0)])),
      say('Z', functionCall(LO_READ, [int32(0), int32(9000)])),
      say('Z', functionCall(LO_CLOSE, [int32(0)])),
      say('Z', functionCall(LO_UNLINK, [int32(424242)])),
      say('Z', functionCall(LO_UNLINK, [int32(424242)])),
      ask('rollback'),
    ],
  },
];

/** Plays a conversation; resolves with every byte that came, process ids in notifications left out. */
export async function play(client: WireClient, conversation: Conversation, send: (bytes: Buffer) => void | Promise<void>): Promise<Buffer> {
  client.takeBytes();
  for (const step of conversation.steps) {
    await send(Buffer.concat(step.send));
    for (const type of step.await.split(' ')) await client.until(type);
  }
  return withoutProcessIds(client.takeBytes());
}

function withoutProcessIds(bytes: Buffer): Buffer {
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    if (bytes[at] === 'A'.charCodeAt(0)) bytes.writeInt32BE(0, at + 5);
  }
  return bytes;
}
