import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { BodyInput } from '@hoop/contract/route';
import { REPLAY_FINDINGS_MAX, type ReplayFinding, type ReplayPage, replayGuardrail } from '@hoop/contract/routes/guardrail-replay';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usage } from '../failure.ts';
import { openGateway } from '../gateway.ts';
import { renderTable } from '../output/table.ts';
import { note, print, printJson, type Terminal } from '../output/terminal.ts';
import { momentAgo, sizeOf } from '../output/time.ts';

export interface ReplayOptions {
  readonly rule: string;
  readonly since: string;
  readonly until?: string;
  readonly connection?: string;
  readonly limit?: string;
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

type Body = BodyInput<typeof replayGuardrail>;

const LIMIT_DEFAULT = 100;
const FILE_BYTES_MAX = 256 * 1024;

/** `hoop policy replay --rule FILE --since 30d`: what a guardrail would have made of what was done. Returns the exit code. */
export async function policyReplay(context: Context, options: ReplayOptions): Promise<number> {
  const limit = limitOf(options.limit);
  const now = context.now();
  const body: Body = {
    ...guardrailIn(await contentOf(context.terminal, options.rule), options.rule),
    since: momentAgo('--since', options.since, now),
    until: options.until === undefined ? new Date(now).toISOString() : momentAgo('--until', options.until, now),
    ...(options.connection === undefined ? {} : { connection: options.connection }),
  };
  const { client } = openGateway(context);
  const signal = context.stopSignal();
  const told = new Told();
  const progress = new Progress(context.terminal);
  let after: string | undefined;
  try {
    do {
      const findings_max = Math.min(limit - told.findings.length, REPLAY_FINDINGS_MAX);
      const page: ReplayPage = await client.call(replayGuardrail, {
        body: { ...body, findings_max, ...(after === undefined ? {} : { after }) },
        signal,
      });
      told.add(page);
      progress.show(told, page.bytes_left);
      after = page.next;
    } while (after !== undefined);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    progress.end();
  }
  const { terminal } = context;
  if (options.json === true) printJson(terminal, { since: body.since, until: body.until, ...told.all() });
  else showFindings(terminal, told);
  const stops = told.total.counts.block + told.total.counts.require_approval > 0;
  return options.exitCode === true && stops ? EXIT.refused : EXIT.ok;
}

type Summed = Omit<ReplayPage, 'findings' | 'next' | 'bytes_left'>;

/** What all pages told so far. Only as many findings as were asked for are kept. */
class Told {
  readonly findings: ReplayFinding[] = [];
  #total: Summed | undefined;

  add({ findings, next: _next, bytes_left: _left, ...page }: ReplayPage): void {
    this.findings.push(...findings);
    this.#total = this.#total ? sumOf(this.#total, page) : page;
  }

  get total(): Summed {
    if (!this.#total) throw new Failure('nothing_read', 'The gateway told nothing; try again');
    return this.#total;
  }

  all(): Summed & Pick<ReplayPage, 'findings'> {
    return { ...this.total, findings: this.findings };
  }
}

function sumOf(one: Summed, other: Summed): Summed {
  const counts = (a: Summed['counts'], b: Summed['counts'] = NOTHING): Summed['counts'] => ({
    block: a.block + b.block,
    require_approval: a.require_approval + b.require_approval,
    warn: a.warn + b.warn,
    log: a.log + b.log,
  });
  return {
    actions: one.actions + other.actions,
    counts: counts(one.counts, other.counts),
    rules: one.rules.map((rule, at) => ({ ...rule, counts: counts(rule.counts, other.rules[at]?.counts) })),
    findings_left_out: one.findings_left_out + other.findings_left_out,
    stopped_already: one.stopped_already + other.stopped_already,
    unfit: one.unfit + other.unfit,
    cut: one.cut + other.cut,
    sessions_elsewhere: one.sessions_elsewhere + other.sessions_elsewhere,
    bytes_read: one.bytes_read + other.bytes_read,
  };
}

const NOTHING: Summed['counts'] = { block: 0, require_approval: 0, warn: 0, log: 0 };

/** One line on stderr that is written over; nothing where stderr is no terminal. */
class Progress {
  readonly #terminal: Terminal;
  #isShown = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show({ total: { actions, bytes_read } }: Told, left: number): void {
    if (this.#terminal.stderr.isTTY !== true) return;
    this.#isShown = true;
    const percent = Math.floor((100 * bytes_read) / Math.max(1, bytes_read + left));
    this.#terminal.stderr.write(`\r\x1b[K${actions} actions, ${sizeOf(bytes_read)} read, ${percent} %`);
  }

  end(): void {
    if (this.#isShown) this.#terminal.stderr.write('\r\x1b[K');
  }
}

function showFindings(terminal: Terminal, { findings, total }: Told): void {
  if (findings.length > 0) terminal.stdout.write(`${renderTable(HEADERS, findings.map(rowOf))}\n`);
  const rules = total.rules.map(({ type, action, counts }, rule) => [
    rule,
    type,
    action,
    ...[counts.block, counts.require_approval, counts.warn, counts.log],
  ]);
  terminal.stdout.write(renderTable(['RULE', 'TYPE', 'ACTION', 'BLOCKED', 'HELD', 'WARNED', 'LOGGED'], rules));
  const { block, require_approval, warn, log } = total.counts;
  print(
    terminal,
    `\nOf ${total.actions} actions: ${block} blocked, ${require_approval} held for approval, ${warn} warned about, ${log} logged`,
  );
  if (total.stopped_already > 0) note(terminal, `${total.stopped_already} of those were blocked or held then too`);
  if (total.findings_left_out > 0) note(terminal, `${total.findings_left_out} more are not shown. Add --limit, or --json with it`);
  if (total.unfit > 0) note(terminal, `${total.unfit} actions were left out: their protocols cannot keep these rules`);
  if (total.cut > 0) note(terminal, `Of ${total.cut} actions only the beginning of the text was recorded`);
  if (total.sessions_elsewhere > 0)
    note(terminal, `${total.sessions_elsewhere} sessions of that time are in the records of other gateways; ask those`);
}

const HEADERS = ['TIME', 'USER', 'CONNECTION', 'VERDICT', 'RULE', 'THEN', 'SESSION', 'SEQ', 'FOUND'];

function rowOf(finding: ReplayFinding) {
  const { time, user, connection, verdict, rule, was, session_id, seq, fragment, text: asked } = finding;
  return [time.slice(0, 19).replace('T', ' '), user, connection, verdict, rule, was, session_id, seq, fragment ?? asked];
}

async function contentOf({ stdin }: Terminal, file: string): Promise<string> {
  const content = file === '-' ? await text(stdin) : readOf(file);
  if (content.length > FILE_BYTES_MAX) throw usage(`${file} is larger than ${sizeOf(FILE_BYTES_MAX)}`);
  return content;
}

function readOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usage(`--rule ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A guardrail as the API has it, only its rules, or one rule. The API checks the rest. */
function guardrailIn(content: string, file: string): Pick<Body, 'input'> {
  const parsed = jsonIn(content, file);
  if (Array.isArray(parsed)) return { input: { rules: parsed } };
  if (typeof parsed !== 'object' || parsed === null) throw usage(`--rule ${file} has neither a guardrail nor a rule in it`);
  if ('input' in parsed || 'pack' in parsed) return parsed as Pick<Body, 'input'>;
  if ('rules' in parsed) return { input: parsed as NonNullable<Body['input']> };
  return { input: { rules: [parsed as never] } };
}

function jsonIn(content: string, file: string): unknown {
  try {
    return JSON.parse(content);
  } catch (error) {
    throw usage(`--rule ${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function limitOf(given: string | undefined): number {
  if (given === undefined) return LIMIT_DEFAULT;
  const limit = /^\d{1,5}$/.test(given) ? Number(given) : -1;
  if (limit < 0 || limit > LIMIT_MAX) throw usage(`--limit is a number from 0 to ${LIMIT_MAX}`);
  return limit;
}

/** They are kept until the end, to be shown together. */
const LIMIT_MAX = 10_000;
