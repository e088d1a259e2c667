import type { Connection, FieldPacket, RowDataPacket } from 'mysql2/promise';

/** How mysql2 asks: with the text alone, or with a statement that is prepared first. */
export const WAYS = ['query', 'execute'] as const;
export type Way = (typeof WAYS)[number];

/** Rows and columns of one statement. Rejects with the server's error. */
export function rowsVia(client: Connection, way: Way, sql: string): Promise<[RowDataPacket[], FieldPacket[]]> {
  return way === 'query' ? client.query<RowDataPacket[]>(sql) : client.execute<RowDataPacket[]>(sql);
}
