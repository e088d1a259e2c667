import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory } from '../../support/temporary.ts';
import { USERS } from '../../support/test-postgres.ts';
import { PythonClients } from './drivers/python.ts';
import { asyncpgFeatures } from './features/asyncpg.ts';
import { type ClientPlace, FEATURE_GROUND } from './features/feature.ts';
import { nodePostgresFeatures } from './features/node-postgres.ts';
import { postgresJsFeatures } from './features/postgres-js.ts';
import { pgbenchFeatures, pgbenchPipelines, psqlFeatures } from './features/psql.ts';
import { Lab } from './lab.ts';

/*
 * Other people's clients, each with all that it can do: what they see through the gateway is what they see at the server.
 */
describe('clients see through the gateway what they see at the server', () => {
  const python = new PythonClients();
  let lab: Lab;
  let direct: ClientPlace;
  let through: ClientPlace;

  before(async () => {
    lab = await Lab.start('tunnel');
    const database = await lab.postgres.database();
    await lab.postgres.sql(FEATURE_GROUND, database);
    const directory = temporaryDirectory('authorities');
    const caFile = join(directory, 'server.pem');
    writeFileSync(caFile, lab.postgres.ca);
    const { user, password } = USERS.app;
    direct = { host: '127.0.0.1', port: lab.postgres.port, user, password, database, ca: lab.postgres.ca, caFile };
    const { host, port, connection, secret } = await lab.system.access(lab.postgres.settings(database, { SSLMODE: 'require' }));
    const gatewayCa = join(lab.system.home, 'tls', 'ca.pem');
    through = { host, port, user: connection, password: secret, database, ca: readFileSync(gatewayCa, 'utf8'), caFile: gatewayCa };
  });
  after(async () => {
    python.stop();
    await lab.close();
  });

  for (const { name, features } of [
    psqlFeatures,
    pgbenchFeatures,
    pgbenchPipelines,
    nodePostgresFeatures,
    postgresJsFeatures,
    asyncpgFeatures(python),
  ]) {
    for (const [promise, feature] of Object.entries(features)) {
      test(`${name}: ${promise}`, async () => {
        const expected = await feature(direct);
        assert.deepEqual(await feature(through), expected);
      });
    }
  }
});
