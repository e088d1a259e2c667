import type { Client } from '@hoop/contract/client';
import { getSession, type Session, type SessionTerminal } from '@hoop/contract/routes/sessions';
import { protocolOf } from '@hoop/core/connection';
import { usage } from '../failure.ts';
import { type Cell, renderTable } from '../output/table.ts';
import { note, type Terminal } from '../output/terminal.ts';
import { sizeOf } from '../output/time.ts';

/** Which of a session's terminals is looked at. */
export interface ChosenTerminal {
  /** What the API calls it; undefined where there is nothing to choose. */
  readonly seq: number | undefined;
  readonly all: readonly SessionTerminal[];
}

/** Of what a terminal was begun with, so much says which one it was. */
const TEXT_LENGTH_MAX = 100;

/** Sessions of these protocols may have several terminals at once. */
const SEVERAL = new Set<string | undefined>(['ssh']);

/**
 * The terminal that `--terminal` names, counted from 1; the first one without it.
 * @throws usage when the session has none of that number
 */
export async function chooseTerminal(client: Client, id: string, given: string | undefined): Promise<ChosenTerminal> {
  const session = await client.call(getSession, { params: { session_id: id } });
  const all = mayHaveSeveral(session) ? await terminalsOf(client, id) : [];
  const number = given === undefined ? 1 : /^\d+$/.test(given) ? Number(given) : 0;
  const chosen = all[number - 1];
  if (given !== undefined && !chosen && !(number === 1 && all.length === 0)) throw usage(wrongNumber(given, all.length));
  return { seq: all.length > 1 ? chosen?.seq : undefined, all };
}

/** Says which of several terminals is shown, and how to see another one. */
export function noteChoice(terminal: Terminal, { seq, all }: ChosenTerminal): void {
  if (all.length < 2) return;
  const number = all.findIndex((each) => each.seq === seq) + 1;
  const other = number === all.length ? 1 : number + 1;
  note(terminal, `This session had ${all.length} terminals; this is number ${number}. See another one with --terminal ${other}`);
}

/** The terminals of a session that had several, for people to choose from. */
export function terminalsTable(terminals: readonly SessionTerminal[]): string {
  const rows = terminals.map(({ time, size, bytes, text = '' }, at): readonly Cell[] => [
    at + 1,
    time.slice(11, 19),
    size ? `${size.columns}x${size.rows}` : undefined,
    sizeOf(bytes),
    text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}…`,
  ]);
  return renderTable(['TERMINAL', 'TIME', 'SCREEN', 'SIZE', 'BEGAN WITH'], rows);
}

function mayHaveSeveral({ type, connection_subtype }: Session): boolean {
  return SEVERAL.has(protocolOf(type, connection_subtype));
}

async function terminalsOf(client: Client, id: string): Promise<readonly SessionTerminal[]> {
  const { terminals } = await client.call(getSession, { params: { session_id: id }, query: { expand: 'terminals' } });
  return terminals ?? [];
}

function wrongNumber(given: string, count: number): string {
  if (count < 2)
    return `There is no terminal ${given}: this session had ${count === 1 ? 'one, which needs no number' : 'no terminals to choose from'}`;
  return `There is no terminal ${given}: this session had ${count}. Give a number from 1 to ${count}`;
}
