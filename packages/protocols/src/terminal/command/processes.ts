import fs from 'node:fs/promises';

/** A process as the kernel's table has it. */
interface Entry {
  readonly pid: number;
  readonly group: number;
  readonly session: number;
}

/**
 * The living processes of a command: those of its process group and of its terminal session, and those that left both and still
 * carry the session's id in their environment. Only Linux shows all of them; elsewhere the group is asked for.
 */
export async function processesOf(leader: number, sessionId: string): Promise<number[]> {
  if (process.platform !== 'linux') return isGroupAlive(leader) ? [-leader] : [];
  const marker = Buffer.from(`HOOP_SESSION_ID=${sessionId}\0`);
  const pids = (await fs.readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    if (pid === process.pid) continue;
    const entry = await entryOf(pid);
    if (!entry) continue;
    if (entry.group === leader || entry.session === leader || (await carries(pid, marker))) found.push(pid);
  }
  return found;
}

/** The process group that a terminal gives what is typed to; undefined where that cannot be seen. */
export async function foregroundGroup(leader: number): Promise<number | undefined> {
  const group = Number((await statFields(leader))?.[5]);
  return group > 0 ? group : undefined;
}

/** Sends a signal; false where nobody is there any more. A negative id is a group's. */
export function sendSignal(id: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(id, signal);
  } catch {
    return false;
  }
}

function isGroupAlive(leader: number): boolean {
  try {
    return process.kill(-leader, 0);
  } catch {
    return false;
  }
}

/** Undefined for what is gone, and for what has ended and waits for its parent to ask how. */
async function entryOf(pid: number): Promise<Entry | undefined> {
  const fields = await statFields(pid);
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return { pid, group: Number(fields[2]), session: Number(fields[3]) };
}

/** What stands behind the name in `/proc/PID/stat`: state, parent, group, session, terminal, foreground group … The name may hold anything. */
async function statFields(pid: number): Promise<string[] | undefined> {
  const text = await fs.readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

async function carries(pid: number, marker: Buffer): Promise<boolean> {
  const environment = await fs.readFile(`/proc/${pid}/environ`).catch(() => undefined);
  return environment?.includes(marker) === true;
}
