import { within } from '../../support/until.ts';
import {
  type AnswerForm,
  closeStatement,
  execute,
  fetch,
  fieldList,
  initDatabase,
  longData,
  ping,
  prepare,
  processInfo,
  query,
  resetConnection,
  resetStatement,
  setOption,
  statistics,
  type WireClient,
} from './wire-client.ts';

/** Bytes to send, and which answers to wait for. */
export interface Step {
  readonly send: readonly Buffer[];
  readonly await: readonly AnswerForm[];
}

export interface Conversation {
  readonly about: string;
  readonly steps: readonly Step[];
}

const say = (awaited: AnswerForm | readonly AnswerForm[], ...send: readonly Buffer[]): Step => ({
  send,
  await: typeof awaited === 'string' ? [awaited] : awaited,
});
const ask = (sql: string): Step => say('result', query(sql));

/** What the conversations find in the database. It is as before when one is over. */
export const GROUND = `
  create table people (id int primary key, mail varchar(100) default 'nobody@example.org', note blob, born date, paid decimal(10,2), at timestamp(6) null);
  insert into people select seq, concat('person', seq, '@example.org'), repeat(x'ff00', seq mod 5), '2001-02-03', seq / 3, null from seq_1_to_500;
  create procedure two() begin select 1; select 2, 3; end;
  create procedure boom() begin signal sqlstate '45000' set message_text = 'boom'; end;
`;

const EVERYTHING =
  "select id, mail, note, born, paid, at, 1.5e0, null, time'-12:13:14', year(born), b'101', json_object('a', 1) from people order by id";

export const CONVERSATIONS: readonly Conversation[] = [
  {
    about: 'queries, one and several at once, empty ones, and settings',
    steps: [
      ask("select 1 as one, null as nothing, '' as space"),
      ask('select 1; select 2, 3; insert into people (id) values (1000); delete from people where id = 1000; do 1'),
      ask(''),
      ask('-- nothing\n'),
      ask("set names latin1; select 'ä'; set names utf8mb4"),
      ask(EVERYTHING),
      ask("select repeat('long ', 300000)"),
      ask('values (1), (2), (3)'),
      ask('call two()'),
      ask("select 'a' + 1; show warnings"),
      ask('explain select * from people'),
    ],
  },
  {
    about: 'errors, and transactions with an error in them',
    steps: [
      ask('call boom()'),
      ask('selec 1'),
      ask('begin'),
      ask('select * from nothing'),
      ask('insert into people (id) values (1)'),
      ask('rollback'),
      ask('select 1; select * from nothing; select 2'),
      ask('select 1 from people where id = (select id from people)'),
    ],
  },
  {
    about: 'prepared statements: parameters, long data, cursors and what becomes of them',
    steps: [
      say('prepared', prepare(EVERYTHING)),
      say('result', execute(1)),
      say('result', execute(1, [], 1)),
      say(['rows', 'rows'], fetch(1, 3), fetch(1, 700)),
      say('packet', resetStatement(1)),
      say('prepared', prepare('select ?, ?, ?')),
      say('result', execute(2, ['x', null, ''])),
      say('result', longData(2, 1, 'sent '), longData(2, 1, 'ahead'), execute(2, ['x', undefined, 'é'.repeat(200)])),
      say('prepared', prepare('update people set mail = mail where id < ?')),
      say('result', execute(3, ['4'])),
      say('prepared', prepare('selec 1')),
      say('prepared', prepare('do 1')),
      say('packet', closeStatement(1), closeStatement(99), ping),
      say('result', execute(2, ['still', 'there', null])),
      say('packet', resetConnection),
    ],
  },
  {
    about: 'the old commands',
    steps: [
      say('packet', ping),
      say('packet', setOption(1)),
      say('packet', setOption(0)),
      say('rows', fieldList('people')),
      say('rows', fieldList('nothing')),
      say('packet', initDatabase('nothing')),
    ],
  },
  {
    about: 'commands that do not wait for the answers to those before them',
    steps: [
      say(
        ['result', 'packet', 'result', 'prepared', 'result', 'packet'],
        query('select 1; select 2'),
        ping,
        query('selec'),
        prepare('select 7'),
        query('do sleep(0.01)'),
        ping,
      ),
      say(
        Array.from({ length: 300 }, () => 'result' as const),
        ...Array.from({ length: 300 }, (_, index) => query(`select ${index}`)),
      ),
    ],
  },
  {
    about: 'rows and commands of more than one packet',
    steps: [
      ask("select repeat('x', 16777214 - 4) as a"),
      ask("select repeat('x', 16777215 - 4) as a"),
      ask("select repeat('x', 20000000) as a, 'behind' as b union all select 'next', 'row'"),
      ask(`select length('${'y'.repeat(0xffffff - 16)}')`),
      ask(`select length('${'y'.repeat(17_000_000)}'); select 'more'`),
    ],
  },
];

/** These answer something else each time; only that they are answered is the same. */
export const CHANGING: readonly Step[] = [say('packet', statistics), say('result', processInfo)];

/** Plays a conversation; resolves with every byte that was answered. */
export async function play(client: WireClient, { steps }: Conversation, send: (bytes: Buffer) => void | Promise<void>): Promise<Buffer> {
  client.takeBytes();
  for (const step of steps) {
    const sent = send(Buffer.concat(step.send));
    for (const form of step.await) await within(`a ${form} in answer`, client.answer(form), 60_000);
    await sent;
  }
  return client.takeBytes();
}
