import { client, server } from './messages.ts';
import { clientSays, serverSays, type Turn } from './played.ts';

/** Conversations as a server of version 15 has them, by what they are about. `denied` and `@` are there for those who look for them. */
export const RECORDED: Readonly<Record<string, readonly Turn[]>> = {
  'simple queries': [
    clientSays(client.query('select 1')),
    serverSays(server.columns('?column?'), server.row('1'), server.complete('SELECT 1'), server.ready()),
    clientSays(client.query(''), client.query('insert into t values (1); select 2')),
    serverSays(server.empty(), server.ready()),
    serverSays(
      server.complete('INSERT 0 1'),
      server.columns('a', 'b'),
      server.row('2', null),
      server.row('', 'x'),
      server.complete('SELECT 2'),
      server.ready(),
    ),
    clientSays(client.terminate()),
  ],
  'errors, notices and what comes unasked': [
    serverSays(server.notification('news', 'before anything, to a@b.example')),
    clientSays(client.query('select boom()')),
    serverSays(server.notice('beware of a@b.example'), server.error('P0001', 'boom for a@b.example'), server.ready('E')),
    serverSays(server.parameter('TimeZone', 'UTC')),
    clientSays(client.query('rollback')),
    serverSays(server.complete('ROLLBACK'), server.ready()),
  ],
  'the extended protocol': [
    clientSays(client.parse('s', 'select $1', [25]), client.describe('S', 's'), client.sync()),
    serverSays(server.parseComplete(), server.parameters(), server.columns('x'), server.ready()),
    clientSays(
      client.bind('p', 's', ['a@b.example']),
      client.describe('P', 'p'),
      client.execute('p', 1),
      client.execute('p', 1),
      client.close('P', 'p'),
      client.sync(),
    ),
    serverSays(server.bindComplete(), server.columns('x'), server.row('a@b.example'), server.suspended()),
    serverSays(server.row('c@d.example'), server.complete('SELECT 1'), server.closeComplete(), server.ready()),
    clientSays(client.parse('', 'set a to b'), client.describe('S'), client.bind(), client.describe('P'), client.execute(), client.sync()),
    serverSays(
      server.parseComplete(),
      server.parameters(),
      server.noData(),
      server.bindComplete(),
      server.noData(),
      server.complete('SET'),
      server.ready(),
    ),
    clientSays(client.close('S', 's'), client.flush(), client.sync()),
    serverSays(server.closeComplete(), server.ready()),
  ],
  'a pipeline with an error in it': [
    clientSays(
      client.parse('', 'select 1'),
      client.bind(),
      client.execute(),
      client.parse('', 'bad'),
      client.bind(),
      client.execute(),
      client.sync(),
    ),
    clientSays(client.parse('', 'select 2'), client.bind(), client.execute(), client.sync()),
    serverSays(
      server.parseComplete(),
      server.bindComplete(),
      server.row('1'),
      server.complete('SELECT 1'),
      server.error('42601', 'syntax error'),
      server.ready(),
    ),
    serverSays(server.parseComplete(), server.bindComplete(), server.row('2'), server.complete('SELECT 1'), server.ready()),
  ],
  'an error that is known before its Sync comes': [
    clientSays(client.parse('', 'bad'), client.flush()),
    serverSays(server.error('42601', 'syntax error')),
    clientSays(client.bind(), client.execute(), client.query('select 9'), client.sync()),
    serverSays(server.ready()),
    clientSays(client.query('select 1')),
    serverSays(server.row('1'), server.complete('SELECT 1'), server.ready()),
  ],
  'COPY in both directions': [
    clientSays(client.query('copy t to stdout')),
    serverSays(
      server.copyOut(),
      server.copyData('1\ta@b.example\n'),
      server.copyData('2\tx\n'),
      server.copyDone(),
      server.complete('COPY 2'),
      server.ready(),
    ),
    clientSays(client.query('copy t from stdin')),
    serverSays(server.copyIn()),
    clientSays(client.copyData('1\ta@b.exa'), client.copyData('mple\n'), client.copyDone()),
    serverSays(server.complete('COPY 1'), server.ready()),
    clientSays(client.parse('', 'copy t from stdin'), client.bind(), client.execute(), client.sync()),
    serverSays(server.parseComplete(), server.bindComplete(), server.copyIn()),
    clientSays(client.copyData('x'), client.copyFail('no'), client.sync()),
    serverSays(server.error('57014', 'COPY from stdin failed: no'), server.ready()),
  ],
  'function calls': [
    clientSays(client.functionCall(954)),
    serverSays(server.functionResult('bytes of a@b.example'), server.ready()),
    clientSays(client.functionCall(1)),
    serverSays(server.error('42883', 'no such function'), server.ready()),
  ],
};

/** The same, with a statement in it that `denying('denied')` refuses: what the server then says to what goes there in its place. */
export const DENIED: Readonly<Record<string, readonly Turn[]>> = {
  'a simple query': [
    clientSays(client.query('select 1'), client.query('select denied'), client.query('select 2')),
    serverSays(server.row('1'), server.complete('SELECT 1'), server.ready()),
    serverSays(server.error('26000', 'prepared statement "hoop_denied_" does not exist'), server.ready()),
    serverSays(server.row('2'), server.complete('SELECT 1'), server.ready()),
  ],
  'a statement in a batch': [
    clientSays(
      client.parse('', 'select 1'),
      client.bind(),
      client.execute(),
      client.parse('', 'select denied'),
      client.bind(),
      client.execute(),
      client.sync(),
    ),
    clientSays(client.query('select 2')),
    serverSays(server.parseComplete(), server.bindComplete(), server.row('1'), server.complete('SELECT 1')),
    serverSays(server.error('34000', 'portal "hoop_denied_" does not exist'), server.ready()),
    serverSays(server.row('2'), server.complete('SELECT 1'), server.ready()),
  ],
};
