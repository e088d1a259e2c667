import type { Client } from '@hoop/contract/client';
import type { QueryInput } from '@hoop/contract/route';
import {
  getSession,
  killSession,
  listSessions,
  SESSION_LIST_MAX,
  SESSION_OFFSET_MAX,
  type Session,
  type SessionAction,
} from '@hoop/contract/routes/sessions';
import { protocolOf } from '@hoop/core/connection';
import type { Context } from '../context.ts';
import { usage } from '../failure.ts';
import { openGateway } from '../gateway.ts';
import { plainText } from '../output/plain-text.ts';
import { type Cell, renderFacts, renderTable } from '../output/table.ts';
import { note, print, printJson, show, type Terminal } from '../output/terminal.ts';
import { ageOf, sizeOf, spanOf } from '../output/time.ts';
import { outputOf } from './session-output.ts';
import { chooseTerminal, noteChoice, terminalsTable } from './session-terminals.ts';

export interface ListOptions {
  readonly user?: string;
  readonly role?: string;
  readonly type?: string;
  readonly status?: 'open' | 'ready' | 'done';
  readonly startDate?: string;
  readonly endDate?: string;
  readonly limit?: string;
  readonly offset?: string;
  readonly fields?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What `--fields` may name, and how each is shown. */
const FIELDS: Readonly<Record<string, (session: Session, now_ms: number) => Cell>> = {
  id: (session) => session.id,
  user: (session) => session.user,
  role: (session) => session.connection,
  type: (session) => session.connection_subtype || session.type,
  verb: (session) => session.verb,
  origin: (session) => session.origin,
  start_date: (session) => session.start_date,
  end_date: (session) => session.end_date,
  status: (session) => session.status,
  exit_code: (session) => session.exit_code,
  size: (session) => sizeOf(session.event_size),
  age: (session, now_ms) => ageOf(session.start_date, now_ms),
};

const FIELDS_DEFAULT = 'id,user,role,type,start_date,status';

/** `hoop sessions list`: newest first. */
export async function list(context: Context, options: ListOptions): Promise<void> {
  const fields = fieldsOf(options.fields ?? FIELDS_DEFAULT);
  const { client } = openGateway(context);
  const page = await client.call(listSessions, { query: queryOf(options) });
  const { terminal } = context;
  if (options.json === true) printJson(terminal, page);
  else if (options.quiet === true) for (const session of page.data) print(terminal, session.id);
  else {
    const rows = page.data.map((session) => fields.map((field) => FIELDS[field]?.(session, context.now())));
    terminal.stdout.write(
      renderTable(
        fields.map((field) => field.toUpperCase()),
        rows,
      ),
    );
    if (page.has_next_page)
      note(
        terminal,
        `There are more. Add --offset ${Number(options.offset ?? 0) + page.data.length}, or --limit up to ${SESSION_LIST_MAX}`,
      );
  }
}

/** `hoop admin get sessions`: everybody's, with the columns that administrators know. */
export async function adminList(context: Context, options: ListOptions): Promise<void> {
  const { client } = openGateway(context);
  const page = await client.call(listSessions, { query: queryOf(options) });
  if (options.json === true) {
    printJson(context.terminal, page.data);
    return;
  }
  const rows = page.data.map((session) => [
    session.id,
    session.user,
    session.connection,
    session.connection_subtype || session.type,
    session.verb,
    sizeOf(session.event_size),
    undefined,
    redactedOf(session),
    session.status,
    ageOf(session.start_date, context.now()),
  ]);
  const headers = ['UID', 'USER', 'CONNECTION', 'TYPE', 'VERB', 'SIZE', 'APPROVERS', 'REDACTED', 'STATUS', 'AGE'];
  context.terminal.stdout.write(renderTable(headers, rows));
}

export interface GetOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** Only what was shown, byte for byte. */
  readonly raw?: boolean;
  readonly after?: string;
  /** Of several, which one's output, counted from 1. */
  readonly terminal?: string;
}

/** A person reads no more; `--raw` has the rest. */
const OUTPUT_SHOWN_BYTES_MAX = 64 * 1024;

/** As the API takes it. */
const ACTION_SEQ_MAX = 1_000_000_000;

/** `hoop sessions get ID`: what it was, and what it did. */
export async function get(context: Context, id: string, options: GetOptions): Promise<void> {
  const after = options.after === undefined ? 0 : countOf('--after', options.after, 0, ACTION_SEQ_MAX);
  const { client } = openGateway(context);
  const { terminal } = context;
  if (options.raw === true) {
    const chosen = await chooseTerminal(client, id, options.terminal);
    noteChoice(terminal, chosen);
    for await (const piece of outputOf(client, id, chosen.seq))
      if (piece !== 'cut' && piece.stream !== 'notice') await show(terminal.stdout, piece.bytes);
    return;
  }
  const expand = options.json === true ? 'actions,session_input,event_stream' : 'actions,session_input';
  const only = options.json === true && options.terminal !== undefined ? await chooseTerminal(client, id, options.terminal) : undefined;
  const query = { expand, after, ...(only?.seq === undefined ? {} : { terminal: only.seq }) };
  const session = await client.call(getSession, { params: { session_id: id }, query });
  if (options.json === true) {
    printJson(terminal, session);
    return;
  }
  terminal.stdout.write(renderFacts(factsOf(session)));
  if (options.quiet === true) return;
  const actions = session.actions ?? [];
  if (actions.length > 0) terminal.stdout.write(`\n${renderTable(ACTION_HEADERS, actions.map(rowOf))}`);
  if (session.next_after !== undefined) note(terminal, `There are more statements. Add --after ${session.next_after}`);
  if (hasTranscript(session)) await showOutput(terminal, client, id, options.terminal);
}

/** Protocols that do not record what was shown need not be asked for it. */
function hasTranscript(session: Session): boolean {
  const protocol = protocolOf(session.type, session.connection_subtype);
  return protocol === 'terminal' || protocol === 'ssh';
}

/** What was shown, as text to read; the beginning of it where it is long. */
async function showOutput(terminal: Terminal, client: Client, id: string, given: string | undefined): Promise<void> {
  const chosen = await chooseTerminal(client, id, given);
  if (chosen.all.length > 1) terminal.stdout.write(`\n${terminalsTable(chosen.all)}`);
  const kept: Buffer[] = [];
  let bytes = 0;
  let isCut = false;
  for await (const piece of outputOf(client, id, chosen.seq)) {
    isCut = piece === 'cut' || bytes + piece.bytes.length > OUTPUT_SHOWN_BYTES_MAX;
    if (piece !== 'cut') kept.push(piece.bytes.subarray(0, OUTPUT_SHOWN_BYTES_MAX - bytes));
    if (isCut || piece === 'cut') break;
    bytes += piece.bytes.length;
  }
  const text = plainText(Buffer.concat(kept).toString('utf8')).trimEnd();
  if (text !== '') terminal.stdout.write(`\nOutput:\n${text}\n`);
  noteChoice(terminal, chosen);
  if (isCut) note(terminal, 'There is more output. Add --raw, or see it with `hoop sessions replay`');
}

/** `hoop sessions kill ID`: ends it at once. */
export async function kill(context: Context, id: string): Promise<void> {
  const { client } = openGateway(context);
  await client.call(killSession, { params: { session_id: id } });
  print(context.terminal, `session "${id}" killed`);
}

const ACTION_HEADERS = ['SEQ', 'TIME', 'VERDICT', 'ROWS', 'DURATION', 'RESULT', 'STATEMENT'];

function rowOf(action: SessionAction): readonly Cell[] {
  const { outcome } = action;
  const failed = outcome?.error ?? (outcome === undefined ? undefined : 'ok');
  return [
    action.seq,
    action.time.slice(11, 19),
    action.decision?.approved ? `approved by ${action.decision.by ?? '-'}` : action.verdict,
    outcome?.rows,
    outcome === undefined ? undefined : spanOf(outcome.duration_us),
    action.verdict === 'deny' ? (action.rule ?? 'denied') : (failed ?? heldOf(action) ?? 'running'),
    excerpt(action.text),
  ];
}

/** What became of one that was held and has not run; undefined where it has begun. */
function heldOf({ verdict, decision }: SessionAction): string | undefined {
  if (verdict !== 'hold' || decision?.approved) return undefined;
  if (!decision) return 'waiting';
  return decision.by === undefined ? (decision.reason ?? 'refused') : `rejected by ${decision.by}`;
}

function factsOf(session: Session): readonly (readonly [string, Cell])[] {
  return [
    ['Id', session.id],
    ['User', session.user],
    ['Connection', session.connection],
    ['Type', session.connection_subtype === '' ? session.type : `${session.type}/${session.connection_subtype}`],
    ['Verb', session.verb],
    ['Origin', session.origin],
    ['Status', session.status],
    ['Exit code', session.exit_code],
    ['Started', session.start_date],
    ['Ended', session.end_date],
    ['Reason', session.end_reason],
    ['Script', excerpt(session.script?.data)],
  ];
}

function excerpt(script: string | undefined): string | undefined {
  const length_max = 400;
  return script === undefined || script.length <= length_max ? script : `${script.slice(0, length_max)}…`;
}

function redactedOf(session: Session): Cell {
  const masked = session.metrics.masked;
  if (typeof masked === 'number') return masked === 0 ? undefined : masked;
  if (typeof masked !== 'object' || masked === null) return undefined;
  const total = Object.values(masked).reduce((sum: number, count: unknown) => sum + (typeof count === 'number' ? count : 0), 0);
  return total === 0 ? undefined : total;
}

function fieldsOf(text: string): readonly string[] {
  const fields = text.split(',').map((field) => field.trim());
  const unknown = fields.find((field) => FIELDS[field] === undefined);
  if (unknown !== undefined) throw usage(`There is no field "${unknown}". The fields are ${Object.keys(FIELDS).join(', ')}`);
  return fields;
}

function queryOf(options: ListOptions): QueryInput<typeof listSessions> {
  return {
    ...(options.user === undefined ? {} : { user: options.user }),
    ...(options.role === undefined ? {} : { connection: options.role }),
    ...(options.type === undefined ? {} : { type: options.type }),
    ...(options.status === undefined ? {} : { status: options.status }),
    ...(options.startDate === undefined ? {} : { start_date: momentOf('--start-date', options.startDate) }),
    ...(options.endDate === undefined ? {} : { end_date: momentOf('--end-date', options.endDate) }),
    ...(options.limit === undefined ? {} : { limit: countOf('--limit', options.limit, 1, SESSION_LIST_MAX) }),
    ...(options.offset === undefined ? {} : { offset: countOf('--offset', options.offset, 0, SESSION_OFFSET_MAX) }),
    count: 'none',
  };
}

function momentOf(flag: string, text: string): string {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) throw usage(`${flag} "${text}" is no date. Write one such as 2026-11-21 or 2026-11-21T08:00:00Z`);
  return moment.toISOString();
}

function countOf(flag: string, text: string, least: number, most: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : -1;
  if (count < least || count > most) throw usage(`${flag} is a number from ${least} to ${most}`);
  return count;
}
