import type { Connection } from '@hoop/contract/routes/connections';

/** A connection's type as people write it: `database/postgres`, or `custom`. */
export function typeOf(connection: Pick<Connection, 'type' | 'subtype'>): string {
  return connection.subtype === '' ? connection.type : `${connection.type}/${connection.subtype}`;
}

/** The ways in which a connection may be used. */
export function accessModesOf(connection: Connection): readonly string[] {
  const modes = [
    ['connect', connection.access_mode_connect],
    ['exec', connection.access_mode_exec],
    ['runbooks', connection.access_mode_runbooks],
  ] as const;
  return modes.filter(([, state]) => state === 'enabled').map(([mode]) => mode);
}
