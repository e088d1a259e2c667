import { readFileSync } from 'node:fs';

/** What Linux tells of a process, behind its name; undefined elsewhere, and when it is gone. */
function statOf(pid: number | 'self'): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name may hold anything, brackets too.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** The fields of proc_pid_stat(5), counted from the state. */
const STATE = 0;
const PROCESS_GROUP = 2;
const TERMINAL = 4;
const TERMINALS_GROUP = 5;

/** True while a process is stopped (not ended). Where nobody can tell, nothing is. */
export function isStopped(pid: number): boolean {
  return statOf(pid)?.[STATE] === 'T';
}

/**
 * Whether a signal of the keyboard comes to this process from a terminal, which sends it to every process in front of it, and not from
 * somebody who means this one. Who sent a signal is not told to programs on Node.js; where this process stands is.
 */
export function isTerminals(): boolean {
  const stat = statOf('self');
  if (!stat) return process.platform !== 'linux' && process.stdin.isTTY === true;
  return stat[TERMINAL] !== '0' && stat[TERMINALS_GROUP] === stat[PROCESS_GROUP];
}
