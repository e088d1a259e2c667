import { hostname } from 'node:os';
import type { DeclaredConnection } from '@hoop/contract/tunnel';
import { Misconfigured } from '@hoop/core/errors';
import { protocolNamed } from '@hoop/protocols/all';
import type { OwnConnection } from '../own-connection.ts';
import { CommandLineError, splitCommandLine } from './command-line.ts';
import { DATABASES, type Database, databaseOf, settingsOfUri } from './database-uri.ts';
import { findShell } from './shell.ts';

/** What `hoop run` was told, as flags; a database without a URI takes the one of the environment. */
export interface OfferOptions extends Readonly<Partial<Record<Database, string | true>>> {
  readonly name?: string;
  readonly command?: string;
  readonly review?: readonly string[];
  readonly dataMasking?: readonly string[];
}

/** The application's side of things. */
export interface Surroundings {
  /** `HOOP_DB_URI` */
  readonly databaseUri: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** The connection that an embedded agent brings along, and what of it stays with the agent. */
export interface Offer {
  readonly declares: DeclaredConnection;
  readonly own: OwnConnection;
}

/** @throws Misconfigured `run_options`, `database_uri` with what to write instead */
export function offerOf(options: OfferOptions, surroundings: Surroundings): Offer {
  const name = options.name ?? normalized(hostname());
  if (!NAME.test(name) || name.length > NAME_LENGTH_MAX) {
    throw wrong(`"${name}" is no name for a connection: use letters, digits, dots, dashes and underscores`);
  }
  const { environment, cwd } = surroundings;
  const wanted = targetOf(options, surroundings);
  const declares = { name, ...wanted.kind, reviewers: [...(options.review ?? [])], redact_types: [...(options.dataMasking ?? [])] };
  return { declares, own: { name, settings: wanted.settings, command: wanted.kind.command, environment, cwd } };
}

interface Wanted {
  readonly kind: Pick<DeclaredConnection, 'type' | 'subtype' | 'command'>;
  readonly settings: Readonly<Record<string, string>>;
}

function targetOf(options: OfferOptions, { databaseUri, environment }: Surroundings): Wanted {
  const chosen = DATABASES.filter((database) => options[database] !== undefined);
  if (chosen.length + (options.command === undefined ? 0 : 1) > 1)
    throw wrong('Take one of --command, --postgres, --mysql, --mssql and --mongodb');
  const [database] = chosen;
  if (database !== undefined) {
    const given = options[database];
    const uri = typeof given === 'string' ? given : databaseUri;
    if (uri === undefined) throw wrong(`--${database} needs the URI of the database, behind it or in HOOP_DB_URI`);
    return databaseTarget(database, uri);
  }
  if (options.command !== undefined) return commandTarget(words(options.command));
  if (databaseUri !== undefined) return databaseTarget(databaseOf(databaseUri), databaseUri);
  return commandTarget([findShell(environment)]);
}

/** The settings are tried here, because who started the application is the one who can correct them. */
function databaseTarget(subtype: Database, uri: string): Wanted {
  const settings = settingsOfUri(subtype, uri);
  const protocol = protocolNamed(subtype);
  if (!protocol) throw wrong(`This release does not speak ${subtype}`);
  const parsed = protocol.settings.safeParse(settings);
  if (!parsed.success)
    throw new Misconfigured(
      'database_uri',
      `The URI of the database is not complete: ${parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`,
    );
  return { kind: { type: 'database', subtype, command: [] }, settings };
}

function commandTarget(command: string[]): Wanted {
  return { kind: { type: 'custom', subtype: '', command }, settings: {} };
}

function words(line: string): string[] {
  try {
    const command = splitCommandLine(line);
    if (command.length > 0) return command;
  } catch (error) {
    if (!(error instanceof CommandLineError)) throw error;
    throw wrong(`--command cannot be read: ${error.message}`);
  }
  throw wrong('--command is empty');
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const NAME_LENGTH_MAX = 128;

/** A machine's name as one of a connection. */
export function normalized(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, NAME_LENGTH_MAX);
  return plain === '' ? 'application' : plain;
}

function wrong(message: string): Misconfigured {
  return new Misconfigured('run_options', message);
}
