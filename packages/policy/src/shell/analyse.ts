import { filled, isUnknown, MARKS } from './shapes.ts';
import { ShellDoubt, type ShellWord, shellTokens } from './words.ts';

/** One program with its arguments, wherever in a command line it stands. */
export interface ShellCommand {
  /** Without its directory: `/bin/rm` is `rm`. */
  readonly program: string;
  readonly args: readonly string[];
  /** The same as far as they are known: see `shapes.ts`. */
  readonly shapes: readonly string[];
  /** Files that are its input. */
  readonly reads: readonly string[];
  /** Files that its output goes to. */
  readonly writes: readonly string[];
  /** Variables that are set for it alone. */
  readonly assigns: readonly string[];
}

export interface ShellFacts {
  readonly commands: readonly ShellCommand[];
  /** Why it cannot be said for sure what runs. */
  readonly unclassified?: string;
}

/** What a command line runs: in lists, pipes, subshells, substitutions, and behind programs that start others. Never throws. */
export function analyseShell(text: string): ShellFacts {
  const commands: ShellCommand[] = [];
  const doubts: string[] = [];
  try {
    if (text.length > TEXT_LENGTH_MAX) throw new ShellDoubt('it is too long to be read in time');
    if (/[\0\ufffd]/.test(text)) throw new ShellDoubt('it has bytes that are not text');
    readText(text, { commands, doubts, variables: new Map(), budget: { unknown: UNKNOWN_MAX }, depth: 0 });
  } catch (error) {
    if (!(error instanceof ShellDoubt)) throw error;
    doubts.push(error.message);
  }
  const [first] = doubts;
  return first === undefined ? { commands } : { commands, unclassified: first };
}

const TEXT_LENGTH_MAX = 256 * 1024;
const DEPTH_MAX = 8;
const UNKNOWN_MAX = 16 * 1024;

interface Reading {
  readonly commands: ShellCommand[];
  readonly doubts: string[];
  /** What was given to variables so far. */
  readonly variables: Map<string, readonly string[]>;
  /** Characters of words that are not known which may still be compared. */
  readonly budget: { unknown: number };
  readonly depth: number;
}

function readText(text: string, reading: Reading): void {
  if (reading.depth > DEPTH_MAX) throw new ShellDoubt('commands are nested too deeply');
  let words: ShellWord[] = [];
  let writes: string[] = [];
  let reads: string[] = [];
  let piped = false;
  const tokens = shellTokens(text);
  const end = (operator: string): void => {
    if (words.length + writes.length + reads.length > 0) readCommand(words, { writes, reads, isFed: piped || reads.length > 0 }, reading);
    words = [];
    writes = [];
    reads = [];
    piped = operator === '|' || operator === '|&';
  };
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    if (token?.kind === 'word') {
      for (const inner of token.inner) readText(inner, { ...reading, depth: reading.depth + 1 });
      words.push(token);
    } else if (token && /[<>]/.test(token.text)) {
      const file = tokens[++index];
      if (file?.kind === 'word') for (const inner of file.inner) readText(inner, { ...reading, depth: reading.depth + 1 });
      const names = file?.kind === 'word' ? filled(file.shape, reading.variables) : [''];
      if (token.text.includes('>')) writes.push(...names);
      // Of a text that stands here nothing is read but the text.
      else reads.push(...(token.text === '<' ? names : ['']));
    } else if (token) end(token.text);
  }
  end('');
}

/** Words of the shell that stand before a command. */
const BEFORE = new Set(['if', 'then', 'else', 'elif', 'while', 'until', 'do', '{', '!', 'time', 'coproc']);
const ALONE = new Set(['fi', 'done', 'esac', '}', 'break', 'continue', 'return', 'for', 'case', 'select', 'in', 'function']);

interface Around {
  readonly writes: readonly string[];
  readonly reads: readonly string[];
  /** Something else is its input. */
  readonly isFed: boolean;
}

function readCommand(given: readonly ShellWord[], around: Around, reading: Reading): void {
  let words = given;
  if (words[0]?.text === 'function') words = words.slice(2);
  while (words[0] && BEFORE.has(words[0].text)) words = words.slice(keyword(words));
  const assigns: string[] = [];
  while (words[0] && /^\w+\+?=/.test(words[0].text)) {
    assigns.push(words[0].text);
    assign(words[0], reading);
    words = words.slice(1);
  }
  const { variables } = reading;
  if (words[0]?.text === 'for' && words[2]?.text === 'in')
    variables.set(
      words[1]?.text ?? '',
      words.slice(3).flatMap(({ shape }) => filled(shape, variables)),
    );
  const [first, ...rest] = words;
  if (assigns.some((each) => /^(PROMPT_COMMAND|BASH_ENV|LD_PRELOAD)\b/.test(each))) reading.doubts.push('it changes what later lines run');
  if (!first || (ALONE.has(first.text) && !first.dynamic)) {
    if (around.writes.length + around.reads.length + assigns.length > 0)
      reading.commands.push({ program: '', args: [], shapes: [], reads: around.reads, writes: around.writes, assigns });
    return;
  }
  if (first.dynamic) {
    reading.doubts.push('which program runs is known only when it runs');
    return;
  }
  // `IFS=, read -r a b` only says how its line is cut.
  if (assigns.some((each) => CHANGES.test(each) && !(each.startsWith('IFS=') && first.text === 'read')))
    reading.doubts.push('it changes where programs come from, or how lines are read');
  const program = first.text.slice(first.text.lastIndexOf('/') + 1);
  if (SETS.test(program)) for (const word of rest) assign(word, reading);
  const shapes = rest.flatMap(({ shape }) => filled(shape, variables));
  for (const shape of shapes) if (isUnknown(shape)) reading.budget.unknown -= shape.length;
  if (reading.budget.unknown < 0) throw new ShellDoubt('it has too much that is known only when it runs');
  reading.commands.push({ program, args: rest.map(({ text }) => text), shapes, reads: around.reads, writes: around.writes, assigns });
  readWrapped(program, rest, around, reading);
}

const CHANGES = /^(PATH|LD_|IFS|BASH_ENV|ENV|PROMPT_COMMAND|PS[0-4]|SHELLOPTS)/;

/** What sets variables in its arguments. */
const SETS = /^(export|declare|typeset|local|readonly)$/;

/** How many words a word of the shell is before a command: `time -p`, `coproc NAME {`. */
function keyword([first, second, third]: readonly ShellWord[]): number {
  if (first?.text === 'time' && /^(-p|--)$/.test(second?.text ?? '')) return 2;
  return first?.text === 'coproc' && third?.text === '{' ? 2 : 1;
}

/** Values of one variable that are remembered. */
const VALUES_MAX = 4;

/** A value that was there before may be there still: a condition may stand around this. */
function assign({ shape }: ShellWord, { variables }: Reading): void {
  const [, name, more, value] = /^(\w+)(\+?)=(.*)$/s.exec(shape) ?? [];
  if (name === undefined || value === undefined) return;
  const given = more === '' ? filled(value, variables) : [MARKS.any];
  variables.set(name, [...given, ...(variables.get(name) ?? [])].slice(0, VALUES_MAX));
}

/** Programs that start the one in their arguments; how many arguments of their own they need before it. */
const WRAPPERS: Readonly<Record<string, number>> = {
  sudo: 0,
  doas: 0,
  nohup: 0,
  nice: 0,
  ionice: 0,
  command: 0,
  exec: 0,
  builtin: 0,
  env: 0,
  time: 0,
  stdbuf: 0,
  setsid: 0,
  xargs: 0,
  busybox: 0,
  toybox: 0,
  watch: 0,
  strace: 0,
  timeout: 1,
  chroot: 1,
  unshare: 0,
  nsenter: 0,
  parallel: 0,
  flock: 1,
  ...Object.fromEntries(
    `systemd-run runuser pkexec linux32 linux64 arch fakeroot unbuffer ltrace entr caffeinate proxychains proxychains4 torsocks
    firejail bwrap proot dbus-run-session xvfb-run rlwrap catchsegv valgrind setpriv prlimit sshpass`
      .split(/\s+/)
      .map((name) => [name, 0]),
  ),
  ...Object.fromEntries(
    ['taskset', 'chrt', 'numactl', 'sg', 'perf', 'gtimeout', 'setarch', 'gosu', 'su-exec', 'chpst'].map((name) => [name, 1]),
  ),
};

/** Options of theirs that take the next word. */
const WITH_VALUE =
  /^-([ugpCDRTUrthnILsPdEcSN]|-(user|group|prompt|chdir|role|type|other-user|close-from|signal|kill-after|max-args|replace|max-procs|delimiter|adjustment|unset|interval|split-string))$/;

const SHELLS = /^(sh|bash|dash|ash|zsh|ksh|mksh|fish|csh|tcsh|rbash)$/;
const INTERPRETERS =
  /^(python[\d.]*|perl[\d.]*|ruby[\d.]*|node|nodejs|php[\d.]*|lua[\d.]*|tclsh|osascript|pwsh|powershell|expect|gdb|awk|gawk|mawk|nawk)$/;

function readWrapped(program: string, args: readonly ShellWord[], around: Around, reading: Reading): void {
  if (program === 'eval' || program === 'source' || program === '.') reading.doubts.push(`${program} runs a text that is not read here`);
  else if (program === 'alias' || program === 'trap' || program === 'enable' || program === 'hash') {
    if (args.length > 0) reading.doubts.push(`${program} changes what later words run`);
  } else if (SHELLS.test(program)) readShell(program, args, around, reading);
  else if (INTERPRETERS.test(program)) readInterpreter(program, args, around, reading);
  else if (program === 'find') readFind(args, reading);
  else if (INTO_CONTAINERS.test(program)) {
    const verb = args.findIndex(({ text }) => /^(run|exec|create)$/.test(text));
    if (verb >= 0) readContained(args, verb + 1, reading);
  } else if (LATER.test(program)) {
    if (around.isFed || args.some(({ text }) => text === '-' || text === '-f'))
      reading.doubts.push(`${program} runs what it is fed, later`);
  } else if (program === 'tmux' || program === 'screen') {
    if (args.some(({ text }) => /\s/.test(text))) reading.doubts.push(`${program} runs a command in a terminal of its own`);
    readContained(args, 0, reading);
  } else if (CALLS_BACK.test(program)) {
    if (args.some(({ text }) => /^-[Cx]/.test(text))) reading.doubts.push(`${program} runs a text when something happens`);
  } else if (program === 'ssh' || program === 'script' || program === 'su' || /^(n?vim?|view|ex|less|more)$/.test(program)) {
    if (args.some(({ text }) => /^-\w*c$|^--command|^\+.*!/.test(text)) || (program === 'ssh' && args.length > 1))
      reading.doubts.push(`${program} runs a command elsewhere or in its own way`);
  } else if (program === 'tar' || program === 'git' || program === 'rsync') {
    if (args.some(({ text }) => RUNS.test(text))) reading.doubts.push(`${program} runs a command that one of its options says`);
  }
  if (Object.hasOwn(WRAPPERS, program)) readBehind(program, args, around, reading);
}

/** Where a program is started in a container: `docker run -v /:/m alpine rm -rf /m`. */
const INTO_CONTAINERS = /^(docker|podman|nerdctl|crictl|docker-compose|lxc-attach|lxc|machinectl)$/;
const LATER = /^(at|batch|crontab)$/;
const CALLS_BACK = /^(mapfile|readarray|complete|compgen|bind)$/;
const RUNS =
  /^--?(checkpoint-action|to-command|use-compress-program|rsh|upload-pack|receive-pack|exec)\b|^(core\.(pager|editor|sshcommand|fsmonitor)|alias\.[\w-]+)=/i;

/** Which word is the program cannot be told without all options: each may be. */
function readContained(args: readonly ShellWord[], start: number, reading: Reading): void {
  const words = args.flatMap(({ text }, index) => (index < start || text.startsWith('-') ? [] : [index]));
  // One that starts a container in a container is followed no further.
  const inside = { ...reading, depth: Math.max(reading.depth, DEPTH_MAX - 1) };
  for (const from of words.slice(0, CONTAINED_MAX)) nested(args.slice(from), { writes: [], reads: [], isFed: false }, inside);
}

const CONTAINED_MAX = 12;

const TAKES_TEXT = /^(runuser|flock|sg)$/;

function readBehind(program: string, args: readonly ShellWord[], around: Around, reading: Reading): void {
  const isGiven = TAKES_TEXT.test(program) && args.some(({ text }) => /^-(c|-command)/.test(text));
  if (isGiven || (program === 'parallel' && args.find(({ text }) => !/^-/.test(text))?.text === ':::'))
    reading.doubts.push(`${program} runs a text that is not read here`);
  let at = 0;
  let own = WRAPPERS[program] ?? 0;
  while (at < args.length) {
    const text = args[at]?.text ?? '';
    if (program === 'env' && /^-(S|-split-string)/.test(text)) reading.doubts.push('env -S runs a text that is not read here');
    if (text === '--') at++;
    else if (WITH_VALUE.test(text)) at += 2;
    else if (text.startsWith('-')) at++;
    else if (/^\w+=/.test(text) && (program === 'env' || program === 'sudo')) at++;
    else if (own-- > 0) at++;
    else break;
  }
  if (program === 'watch')
    readText(
      args
        .slice(at)
        .map(({ text }) => text)
        .join(' '),
      { ...reading, depth: reading.depth + 1 },
    );
  // An option that is not known here may have taken a word for its value: so the next ones may be the program too.
  const words = args.flatMap(({ text }, index) => (text.startsWith('-') ? [] : [index]));
  const candidates = at > 0 ? words.slice(0, CANDIDATES_MAX) : words.slice(0, 1);
  for (const from of new Set([at, ...candidates])) {
    if (from < args.length) nested(args.slice(from), { writes: [], reads: [], isFed: program === 'xargs' || around.isFed }, reading);
  }
}

const CANDIDATES_MAX = 3;

function nested(words: readonly ShellWord[], around: Around, reading: Reading): void {
  if (reading.depth > DEPTH_MAX) throw new ShellDoubt('commands are nested too deeply');
  readCommand(words, around, { ...reading, depth: reading.depth + 1 });
}

function readShell(program: string, args: readonly ShellWord[], { isFed }: Around, reading: Reading): void {
  const at = args.findIndex(({ text }) => /^-[a-z]*c[a-z]*$/i.test(text) && !text.startsWith('--'));
  const script = at < 0 ? undefined : args.slice(at + 1).find(({ text }) => !/^[-+]/.test(text));
  if (at >= 0) {
    if (!script || script.dynamic) reading.doubts.push(`${program} -c runs a text that is put together`);
    else readText(script.text, { ...reading, depth: reading.depth + 1 });
    return;
  }
  const hasFile = args.some(({ text }) => !text.startsWith('-'));
  if (isFed && (!hasFile || args.some(({ text }) => text === '-s'))) reading.doubts.push(`${program} runs what it is fed`);
  if (args.some(({ dynamic, inner }) => dynamic && inner.length > 0)) reading.doubts.push(`${program} runs what another command writes`);
}

function readInterpreter(program: string, args: readonly ShellWord[], { isFed }: Around, reading: Reading): void {
  const isAwk = program.endsWith('awk');
  if (isAwk) {
    if (args.some(({ text, dynamic }) => dynamic || /system|\||getline|print\s*>/.test(text)))
      reading.doubts.push(`${program} may run other programs`);
    return;
  }
  const hasText = args.some(({ text }) => /^-(e|c|r|E|p|-eval|-print|x$|ex$|Command|EncodedCommand)/.test(text));
  const hasFile = args.some(({ text }) => !text.startsWith('-'));
  if (hasText || (isFed && !hasFile)) reading.doubts.push(`${program} runs a text that is not read here`);
}

function readFind(args: readonly ShellWord[], reading: Reading): void {
  args.forEach(({ text }, index) => {
    if (/^-(exec|execdir|ok|okdir)$/.test(text)) {
      const rest = args.slice(index + 1);
      const end = rest.findIndex((word) => word.text === ';' || word.text === '+');
      nested(end < 0 ? rest : rest.slice(0, end), { writes: [], reads: [], isFed: false }, reading);
    }
  });
}
