import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Program, type ProgramOptions, type ProgramResult, runProgram } from '../../../support/program.ts';
import { temporaryDirectory } from '../../../support/temporary.ts';
import { until } from '../../../support/until.ts';
import type { ClientFeatures, ClientPlace, Feature } from './feature.ts';

interface Call {
  readonly args: string[];
  readonly env: Record<string, string>;
}

function call({ host, port, user, password, database, caFile }: ClientPlace, sslmode = 'verify-full'): Call {
  return {
    args: ['-X', '-h', host, '-p', String(port), '-U', user, '-d', database],
    env: { PGPASSWORD: password, PGSSLMODE: sslmode, PGSSLROOTCERT: caFile, PGCONNECT_TIMEOUT: '20' },
  };
}

/** Both ways could fail alike, and be equal: so what must succeed is held to that. */
async function succeeded(command: string, args: readonly string[], options: ProgramOptions): Promise<ProgramResult> {
  const result = await runProgram(command, args, options);
  if (result.exitCode !== 0) throw new Error(`${command} ended with ${result.exitCode}: ${result.stderr}`);
  return result;
}

/** A script on standard input; what psql says to it. */
const script =
  (text: string | ((directory: string) => string), sslmode?: string): Feature =>
  async (place) => {
    const directory = temporaryDirectory('psql');
    const { args, env } = call(place, sslmode);
    const input = typeof text === 'string' ? text : text(directory);
    const { exitCode, stdout, stderr } = await succeeded('psql', args, { env, input, cwd: directory });
    return { exitCode, stdout, stderr: stderr.replaceAll(`:${place.port}`, ':PORT').replaceAll(directory, '') };
  };

const copied: Feature = async (place) => {
  const directory = temporaryDirectory('psql-copy');
  const [rows, out] = [join(directory, 'rows'), join(directory, 'out')];
  writeFileSync(rows, Array.from({ length: 3_000 }, (_, at) => `${at}\tline ${at}\n`).join(''));
  const { args, env } = call(place);
  const input = `create temp table t (id int, word text);\n\\copy t from '${rows}'\n\\copy t to '${out}' csv\nselect count(*) from t;\n\\copy t from '${out}'\ncopy t from stdin;\n1\tx\n\\.\ncopy (select 1) to stdout;\n`;
  const { exitCode, stdout, stderr } = await succeeded('psql', args, { env, input });
  return [exitCode, stdout, stderr.replaceAll(directory, ''), readFileSync(out, 'utf8').length];
};

const largeObjects: Feature = async (place) => {
  const directory = temporaryDirectory('psql-large');
  const [source, copy] = [join(directory, 'source'), join(directory, 'copy')];
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7) % 256));
  writeFileSync(source, bytes);
  const { args, env } = call(place);
  const input = `\\lo_import '${source}'\n\\lo_export :LASTOID '${copy}'\n\\lo_unlink :LASTOID\n`;
  const { exitCode, stdout } = await succeeded('psql', [...args, '-q'], { env, input });
  return [exitCode, stdout.replaceAll(/\d+/g, 'N'), readFileSync(copy).equals(bytes) || 'other bytes'];
};

const RUNNING = "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep(600)%'";

const interrupted: Feature = async (place) => {
  const { args, env } = call(place);
  const program = new Program('psql', args, { env });
  program.say('select 1 as before;\nselect pg_sleep(600);\n');
  await until(
    'the statement that takes long runs',
    async () => (await runProgram('psql', [...args, '-Atc', RUNNING], { env })).stdout === '1\n',
  );
  // It runs at the server, and psql may not have heard of its own turn yet.
  let isOver = false;
  const done = program.done.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    program.child.kill('SIGINT');
    await Promise.race([done, pause(100)]);
  }
  const { stdout, stderr } = await done;
  return [stdout, stderr.includes('canceling statement due to user request')];
};

export const psqlFeatures: ClientFeatures = {
  name: 'psql',
  features: {
    'several statements, results and errors': script(`
select 1 as one, null as nothing; select 2 \\; select 3;
select * from items order by id limit 3;
begin; insert into scratch values (1, 'x'); select 1/0; select 'not run'; rollback;
select count(*) from scratch; selec;
do $$ begin raise notice 'a notice'; end $$;
`),
    'its own commands': script(`
\\d items
\\dt
\\dn+
\\l template1
\\df pg_catalog.now
select 1 as a, 'x' as b \\gdesc
select id, name from items order by id limit 2 \\gx
select 'select ' || n || ' as n' from generate_series(1, 3) n \\gexec
select 42 as answer \\gset
\\echo :answer
\\encoding
`),
    'COPY from files and to them, and from its own input': copied,
    'large objects from files and to them': largeObjects,
    notifications: notified(),
    'cursors, with FETCH_COUNT': script(
      '\\set FETCH_COUNT 50\nselect id, name from items order by id;\nselect 1/(id - 100) from items order by id;\nselect 1;\n',
    ),
    'statements of SQL that prepare and execute': script(
      'prepare p(int) as select $1 * 2;\nexecute p(21);\ndeallocate p;\nexecute p(1);\nbegin; declare c cursor for select id from items order by id; fetch 2 from c; move 5 in c; fetch 1 from c; commit;\n',
    ),
    'an interrupt that cancels': interrupted,
    'TLS required, and none': async (place) => [
      await script('select 1;', 'require')(place),
      await script('select 1;', 'disable')(place),
      await script('select 1;', 'prefer')(place),
    ],
    'a script of ten thousand statements': script(Array.from({ length: 10_000 }, (_, at) => `select ${at};`).join('\n')),
  },
};

/** The process id in what psql prints is another one each time. */
function notified(): Feature {
  const listen = script("listen news;\nnotify news, 'a payload';\nselect 1;\n");
  return async (place) => JSON.stringify(await listen(place)).replace(/PID \d+/, 'PID');
}

export const pgbenchFeatures: ClientFeatures = {
  name: 'pgbench',
  features: Object.fromEntries(
    ['simple', 'extended', 'prepared'].map((mode): [string, Feature] => [
      `its tables made by COPY, and transactions in the ${mode} protocol`,
      async (place) => {
        const { args, env } = call(place, 'require');
        const [, ...target] = args;
        const connection = target.map((each) => (each === '-d' ? '' : each)).filter((each) => each !== '');
        const made = await succeeded('pgbench', ['-i', '-q', '-s', '1', ...connection], { env });
        const ran = await succeeded('pgbench', ['-n', '-M', mode, '-c', '4', '-j', '2', '-t', '25', ...connection], { env });
        return [made.exitCode, ran.exitCode, ran.stdout.split('\n').filter((line) => /processed|failed|type|mode/.test(line)), ran.stderr];
      },
    ]),
  ),
};

/** Pipelines need the extended protocol. */
export const pgbenchPipelines: ClientFeatures = {
  name: 'pgbench',
  features: {
    'pipelines of statements, and a connection for each': async (place) => {
      const directory = temporaryDirectory('pgbench');
      const file = join(directory, 'pipeline.sql');
      writeFileSync(
        file,
        '\\startpipeline\nselect 1;\nselect 2;\ninsert into scratch values (1);\ndelete from scratch;\nselect 3;\n\\endpipeline\n',
      );
      const { args, env } = call(place, 'require');
      const connection = args.slice(1).filter((each) => each !== '-d');
      const ran = await succeeded('pgbench', ['-n', '-C', '-M', 'prepared', '-c', '3', '-t', '10', '-f', file, ...connection], { env });
      return [ran.exitCode, ran.stdout.split('\n').filter((line) => /processed|failed/.test(line)), ran.stderr];
    },
  },
};
