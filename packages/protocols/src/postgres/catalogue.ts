import { createHash } from 'node:crypto';
import type { Caller, Catalogue, CatalogueRoutine, CatalogueView, ComputedColumn, Relatives } from '@hoop/core/catalogue';
import { TargetFault } from '@hoop/core/errors';
import type { ConnectContext } from '@hoop/core/protocol';
import type { Wire } from '@hoop/core/wire';
import { withOwnLogin } from './connect.ts';
import { encodeMessage, MessageReader } from './frame.ts';
import { CATALOGUE_BYTES_MAX, CATALOGUE_MS_MAX, CATALOGUE_ROWS_MAX } from './limits.ts';
import { decodeError } from './messages/error.ts';
import { decodeDataRow } from './messages/row.ts';
import type { PostgresSettings } from './settings.ts';

/**
 * Reads which views, computed columns and functions a database has, over a login of its own. Names in what it reads are whole, because
 * nothing but the catalogue is on its search path. @throws TargetFault `catalogue_unread`, and what a login throws
 */
export function readCatalogue(context: ConnectContext<PostgresSettings>): Promise<Catalogue> {
  return withOwnLogin(context, CATALOGUE_MS_MAX, async (wire, statuses) => {
    const major = Number.parseInt(statuses.get('server_version') ?? '', 10);
    return catalogueOf(await rowsOf(wire, questions(Number.isNaN(major) ? NEWEST : major)));
  });
}

const NEWEST = 99;

/** What `initdb` makes has lower numbers. (PostgreSQL 17, transam.h, FirstNormalObjectId) */
const FIRST_OWN_OID = 16_384;
const STATEMENT_MS_MAX = CATALOGUE_MS_MAX - 500;

/** Settings hold for this transaction alone, so that a pooler gives nobody a connection with them. */
function questions(major: number): string {
  return [
    'begin transaction isolation level repeatable read read only',
    'set local search_path = pg_catalog, pg_temp',
    `set local statement_timeout = ${STATEMENT_MS_MAX}`,
    ...[VIEWS, ...(major >= 12 ? [COMPUTED] : []), routines(major), RELATIVES, OPERATORS, CASTS].map((text) => text.trim()),
    'rollback',
  ].join(';\n');
}

const OTHERS_OWN = `not pg_is_other_temp_schema(n.oid) and n.nspname !~ '^pg_toast'`;
const attributesOf = (relation: string): string =>
  `(select coalesce(json_agg(a.attname order by a.attnum), '[]') from pg_attribute a
     where a.attrelid = ${relation} and a.attnum > 0 and not a.attisdropped)`;

const VIEWS = `
select 'view', n.nspname, c.relname, ${attributesOf('c.oid')}, pg_get_viewdef(c.oid)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('v', 'm') and c.oid >= ${FIRST_OWN_OID} and ${OTHERS_OWN}
  order by c.oid`;

const COMPUTED = `
select 'computed', n.nspname, c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid)
  from pg_attribute a
  join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  join pg_class c on c.oid = a.attrelid
  join pg_namespace n on n.oid = c.relnamespace
  where a.attgenerated <> '' and not a.attisdropped and ${OTHERS_OWN}
  order by c.oid, a.attnum`;

/** Functions of extensions are known code, and those of triggers cannot be called. */
function routines(major: number): string {
  const isAggregate = major >= 11 ? "p.prokind = 'a'" : 'p.proisagg';
  return `
select 'routine', p.oid, n.nspname, p.proname, l.lanname,
    case when ${isAggregate} then '' when l.lanname = 'internal' then p.prosrc else pg_get_functiondef(p.oid) end,
    case when t.typrelid <> 0 then ${attributesOf('t.typrelid')}
      else (select coalesce(json_agg(p.proargnames[i] order by i), '[]') from generate_subscripts(p.proargmodes, 1) i
        where p.proargmodes[i] in ('o', 'b', 't')) end,
    case when t.typrelid <> 0 then (select json_build_array(rn.nspname, r.relname) from pg_class r
      join pg_namespace rn on rn.oid = r.relnamespace where r.oid = t.typrelid) else '[]' end,
    exists (select from pg_type g where g.oid = any (p.proargtypes) and (g.typtype = 'c' or g.typtype = 'p')),
    (select coalesce(json_agg(f::text), '[]') from pg_aggregate g, unnest(array[
        g.aggtransfn::oid, g.aggfinalfn::oid, g.aggcombinefn::oid, g.aggmtransfn::oid, g.aggminvtransfn::oid, g.aggmfinalfn::oid]) f
      where g.aggfnoid = p.oid and f <> 0)
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  join pg_language l on l.oid = p.prolang
  join pg_type t on t.oid = p.prorettype
  where p.oid >= ${FIRST_OWN_OID} and t.typname not in ('trigger', 'event_trigger') and ${OTHERS_OWN}
    and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')
  order by p.oid`;
}

const RELATIVES = `
select 'relative', pn.nspname, pc.relname, n.nspname, c.relname
  from pg_inherits i
  join pg_class pc on pc.oid = i.inhparent join pg_namespace pn on pn.oid = pc.relnamespace
  join pg_class c on c.oid = i.inhrelid join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'f')
  order by i.inhrelid, i.inhseqno`;

const OPERATORS = `
select 'operator', o.oprname, o.oprcode::oid from pg_operator o where o.oprcode::oid >= ${FIRST_OWN_OID} order by o.oid`;

const CASTS = `
select 'cast', t.typname, c.castfunc from pg_cast c join pg_type t on t.oid = c.casttarget
  where c.castfunc >= ${FIRST_OWN_OID} order by c.oid`;

type Row = readonly string[];

/** The rows of all answers. @throws TargetFault `catalogue_unread` */
async function rowsOf(wire: Wire, text: string): Promise<readonly Row[]> {
  await wire.write(encodeMessage('Q', text));
  const reader = new MessageReader(wire);
  const rows: Row[] = [];
  let bytes = 0;
  for (;;) {
    const { type, body } = await reader.message(CATALOGUE_BYTES_MAX);
    const letter = String.fromCharCode(type);
    if (letter === 'Z') return rows;
    if (letter === 'E') throw new TargetFault('catalogue_unread', `The target says: ${decodeError(body).message}`);
    if (letter !== 'D') continue;
    bytes += body.length;
    rows.push(decodeDataRow(body).map((cell) => cell?.toString('utf8') ?? ''));
    if (rows.length > CATALOGUE_ROWS_MAX || bytes > CATALOGUE_BYTES_MAX)
      throw new TargetFault('catalogue_unread', `It has more than ${CATALOGUE_ROWS_MAX} rows or ${CATALOGUE_BYTES_MAX} bytes`);
  }
}

function catalogueOf(rows: readonly Row[]): Catalogue {
  const digest = createHash('sha256');
  const views: CatalogueView[] = [];
  const computed: ComputedColumn[] = [];
  const routinesFound: CatalogueRoutine[] = [];
  const relatives: Relatives[] = [];
  const callers: Caller[] = [];
  for (const row of rows) {
    digest.update(JSON.stringify(row));
    const [kind, a = '', b = '', c = '', d = ''] = row;
    if (kind === 'view') views.push({ schema: a, name: b, columns: namesIn(c), definition: d });
    else if (kind === 'computed') computed.push({ schema: a, table: b, column: c, expression: d });
    else if (kind === 'relative') relatives.push({ parent: [a, b], child: [c, d] });
    else if (kind === 'operator' || kind === 'cast') callers.push({ kind, name: a, routine: b });
    else if (kind === 'routine') routinesFound.push(routineOf(row));
  }
  return { digest: digest.digest('hex'), views, computed, routines: routinesFound, relatives, callers };
}

function routineOf(row: Row): CatalogueRoutine {
  const [, id = '', schema = '', name = '', language = '', definition = '', columns = '', rowOf = '', takesRow, madeOf = ''] = row;
  const base = { id, schema, name, language: language.toLowerCase(), definition };
  return { ...base, columns: namesIn(columns), rowOf: namesIn(rowOf), takesRow: takesRow === 't', madeOf: namesIn(madeOf) };
}

/** A list of names as JSON. */
function namesIn(text: string): readonly string[] {
  const parsed: unknown = text === '' ? [] : JSON.parse(text);
  return Array.isArray(parsed) ? parsed.map((each) => (typeof each === 'string' ? each : '')) : [];
}
