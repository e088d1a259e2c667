import { createHash } from 'node:crypto';
import type { Catalogue, CatalogueRoutine } from '@hoop/core/catalogue';
import { TargetFault } from '@hoop/core/errors';
import type { ConnectContext } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';
import { withOwnLogin } from './connect.ts';
import { PacketReader } from './frame.ts';
import { CATALOGUE_BYTES_MAX, CATALOGUE_MS_MAX, CATALOGUE_ROWS_MAX, COLUMNS_MAX } from './limits.ts';
import { encodeQuery } from './messages/command.ts';
import { decodeError, ERROR, errorLine, isEof, OK } from './messages/result.ts';
import { decodeTextRow } from './messages/row.ts';
import type { MysqlSettings } from './settings.ts';

/**
 * Reads which views, computed columns and routines a server has, over a login of its own. A definition that the connection's user may
 * not see is empty. @throws TargetFault `catalogue_unread`, and what a login throws
 */
export function readCatalogue(context: ConnectContext<MysqlSettings>): Promise<Catalogue> {
  return withOwnLogin(context.settings, CATALOGUE_MS_MAX, async (wire) => {
    const asking = new Asking(wire);
    // MariaDB has the one, MySQL the other.
    for (const limit of [`set max_statement_time = ${STATEMENT_MS_MAX / 1_000}`, `set max_execution_time = ${STATEMENT_MS_MAX}`])
      await asking.rows(limit, [ER_UNKNOWN_SYSTEM_VARIABLE]);
    const views = await asking.rows(VIEWS, []);
    // Servers from before there were computed columns do not know the word.
    const columns = columnsOf(await asking.rows(VIEW_COLUMNS, []));
    const computed = await asking.rows(COMPUTED, [ER_BAD_FIELD]);
    const routines = await asking.rows(ROUTINES, []);
    return {
      digest: asking.digest,
      views: views.map(([schema = '', name = '', definition = '']) => ({
        schema,
        name,
        columns: columns.get(`${schema}\0${name}`) ?? [],
        definition,
      })),
      computed: computed.map(([schema = '', table = '', column = '', expression = '']) => ({ schema, table, column, expression })),
      routines: routines.map(routineOf),
      relatives: [],
      callers: [],
    };
  });
}

const STATEMENT_MS_MAX = CATALOGUE_MS_MAX - 500;
const ER_BAD_FIELD = 1054;
const ER_UNKNOWN_SYSTEM_VARIABLE = 1193;

const OTHERS_OWN = "not in ('mysql', 'information_schema', 'performance_schema', 'sys')";
const VIEWS = `select table_schema, table_name, view_definition from information_schema.views where table_schema ${OTHERS_OWN}
  order by table_schema, table_name`;
const VIEW_COLUMNS = `select c.table_schema, c.table_name, c.ordinal_position, c.column_name
  from information_schema.columns c join information_schema.views v on v.table_schema = c.table_schema and v.table_name = c.table_name
  where c.table_schema ${OTHERS_OWN} order by c.table_schema, c.table_name, c.ordinal_position`;
const COMPUTED = `select table_schema, table_name, column_name, generation_expression from information_schema.columns
  where table_schema ${OTHERS_OWN} and generation_expression <> '' order by table_schema, table_name, ordinal_position`;
const ROUTINES = `select routine_schema, routine_name, routine_type, routine_definition from information_schema.routines
  where routine_schema ${OTHERS_OWN} order by routine_schema, routine_name, routine_type`;

type Row = readonly string[];

/** Names of columns by view. Those that the user may not see are not told, and the places of the others stay. */
function columnsOf(rows: readonly Row[]): ReadonlyMap<string, readonly string[]> {
  const columns = new Map<string, string[]>();
  for (const [schema = '', name = '', position = '', column = ''] of rows) {
    const key = `${schema}\0${name}`;
    const names = columns.get(key) ?? [];
    columns.set(key, names);
    const place = Math.min(Number(position), COLUMNS_MAX);
    while (names.length < place) names.push('');
    names[place - 1] = column;
  }
  return columns;
}

function routineOf([schema = '', name = '', type = '', definition = '']: Row): CatalogueRoutine {
  const none = { columns: [], rowOf: [], madeOf: [], takesRow: false };
  return { id: `${type} ${schema}.${name}`, schema, name, definition, language: 'sql', ...none };
}

/** One question after the other, and what all of them bring together. */
class Asking {
  readonly #wire: Wire;
  readonly #reader: PacketReader;
  readonly #digest = createHash('sha256');
  #rows = 0;
  #bytes = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#reader = new PacketReader(wire);
  }

  get digest(): string {
    return this.#digest.digest('hex');
  }

  /** @param passed errors that stand for no rows. @throws TargetFault `catalogue_unread` */
  async rows(text: string, passed: readonly number[]): Promise<readonly Row[]> {
    await this.#wire.write(encodeQuery(text));
    const first = await this.#payload();
    if (first[0] === ERROR) {
      const error = decodeError(first);
      if (passed.includes(error.code)) return [];
      throw new TargetFault('catalogue_unread', `The target says: ${errorLine(error)}`);
    }
    if (first[0] === OK) return [];
    // Descriptions of columns, an EOF, rows, an EOF.
    while (!isEof(await this.#payload()));
    const rows: Row[] = [];
    for (;;) {
      const payload = await this.#payload();
      if (isEof(payload)) return rows;
      if (payload[0] === ERROR) throw new TargetFault('catalogue_unread', `The target says: ${errorLine(decodeError(payload))}`);
      const row = decodeTextRow(payload).map((cell) => cell?.toString('utf8') ?? '');
      this.#digest.update(JSON.stringify(row));
      rows.push(row);
      this.#rows++;
      this.#bytes += payload.length;
      if (this.#rows > CATALOGUE_ROWS_MAX || this.#bytes > CATALOGUE_BYTES_MAX)
        throw new TargetFault('catalogue_unread', `It has more than ${CATALOGUE_ROWS_MAX} rows or ${CATALOGUE_BYTES_MAX} bytes`);
    }
  }

  async #payload(): Promise<Buffer> {
    return (await this.#reader.packet(CATALOGUE_BYTES_MAX)).payload;
  }
}
