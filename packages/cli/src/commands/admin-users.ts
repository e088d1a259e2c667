import { createUser, deleteUser, getUser, getUserInfo, listUsers, type User, updateUser } from '@hoop/contract/routes/users';
import type { Context } from '../context.ts';
import { usage } from '../failure.ts';
import { isNotFound, openGateway } from '../gateway.ts';
import { commaList } from '../input/lists.ts';
import { Prompt } from '../input/prompt.ts';
import { renderFacts, renderTable } from '../output/table.ts';
import { print, printJson } from '../output/terminal.ts';

export interface CreateOptions {
  readonly name?: string;
  readonly groups?: string;
  readonly slackid?: string;
  readonly picture?: string;
  readonly disable?: boolean;
  readonly overwrite?: boolean;
  readonly passwordStdin?: boolean;
  /** False with `--no-password`. */
  readonly password?: boolean;
  readonly json?: boolean;
}

/** `hoop admin create user EMAIL` */
export async function create(context: Context, email: string, options: CreateOptions): Promise<void> {
  const { client } = openGateway(context);
  const exists = options.overwrite === true && (await userExists());
  const password = await passwordOf(context, options, exists);
  const body = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.groups === undefined ? {} : { groups: [...commaList(options.groups)] }),
    ...(options.slackid === undefined ? {} : { slack_id: options.slackid }),
    ...(options.picture === undefined ? {} : { picture: options.picture }),
    ...(options.disable === undefined ? {} : { status: options.disable ? ('inactive' as const) : ('active' as const) }),
    ...(password === undefined ? {} : { password }),
  };
  const user = exists
    ? await client.call(updateUser, { params: { emailOrID: email }, body })
    : await client.call(createUser, { body: { ...body, email } });
  if (options.json === true) printJson(context.terminal, user);
  else print(context.terminal, `user "${email}" ${exists ? 'updated' : 'created'}`);

  async function userExists(): Promise<boolean> {
    try {
      await client.call(getUser, { params: { emailOrID: email } });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
}

async function passwordOf(context: Context, options: CreateOptions, exists: boolean): Promise<string | undefined> {
  const { stdin } = context.terminal;
  if (options.password === false) return undefined;
  if (options.passwordStdin !== true && (exists || stdin.isTTY !== true)) {
    if (exists) return undefined;
    throw usage('Without a password the user cannot log in. Pipe it in with --password-stdin, or say --no-password');
  }
  const prompt = new Prompt(context.terminal);
  try {
    const password = await prompt.secret('Password of the new user: ');
    if (password === '') throw usage('The password is empty. Say --no-password for a user without one');
    if (stdin.isTTY === true && (await prompt.secret('Password again: ')) !== password) {
      throw usage('The two passwords differ. Run the command again');
    }
    return password;
  } finally {
    prompt.close();
  }
}

const HEADERS = ['ID', 'EMAIL', 'NAME', 'SLACKID', 'STATUS', 'VERIFIED', 'GROUPS'];

/** `hoop admin get users [EMAIL]` */
export async function get(context: Context, email: string | undefined, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const users = email === undefined ? await client.call(listUsers) : [await client.call(getUser, { params: { emailOrID: email } })];
  if (options.json === true) printJson(context.terminal, email === undefined ? users : users[0]);
  else context.terminal.stdout.write(renderTable(HEADERS, users.map(rowOf)));
}

/** `hoop admin get userinfo`: who you are to the gateway. */
export async function whoami(context: Context, options: { readonly json?: boolean }): Promise<void> {
  const { client } = openGateway(context);
  const info = await client.call(getUserInfo);
  if (options.json === true) {
    printJson(context.terminal, info);
    return;
  }
  context.terminal.stdout.write(
    renderFacts([
      ['E-mail', info.email],
      ['Name', info.name],
      ['Id', info.id],
      ['Role', info.role],
      ['Groups', info.groups.join(', ')],
      ['Organization', info.org_name],
      ['Status', info.status],
    ]),
  );
}

/** `hoop admin delete user EMAIL` */
export async function remove(context: Context, email: string): Promise<void> {
  const { client } = openGateway(context);
  await client.call(deleteUser, { params: { emailOrID: email } });
  print(context.terminal, `user "${email}" deleted`);
}

function rowOf(user: User): readonly (string | boolean)[] {
  return [user.id, user.email, user.name, user.slack_id, user.status, user.verified, user.groups.join(',')];
}
