import { ShellDoubt, type ShellToken, type ShellWord, shellTokens } from './words.ts';

/** One program with its arguments, wherever in a command line it stands. */
export interface ShellCommand {
  /** Without its directory: `/bin/rm` is `rm`. */
  readonly program: string;
  readonly args: readonly string[];
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
    readText(text, { commands, doubts, depth: 0 });
  } catch (error) {
    if (!(error instanceof ShellDoubt)) throw error;
    doubts.push(error.message);
  }
  const [first] = doubts;
  return first === undefined ? { commands } : { commands, unclassified: first };
}

const TEXT_LENGTH_MAX = 256 * 1024;
const DEPTH_MAX = 8;

interface Reading {
  readonly commands: ShellCommand[];
  readonly doubts: string[];
  readonly depth: number;
}

function readText(text: string, reading: Reading): void {
  if (reading.depth > DEPTH_MAX) throw new ShellDoubt('commands are nested too deeply');
  let words: ShellWord[] = [];
  let writes: string[] = [];
  let reads = false;
  let piped = false;
  const tokens = shellTokens(text);
  const end = (operator: string): void => {
    if (words.length > 0 || writes.length > 0) readCommand(words, { writes, isFed: piped || reads }, reading);
    words = [];
    writes = [];
    reads = false;
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
      if (token.text.includes('>')) writes.push(wordText(file));
      else reads = true;
    } else if (token) end(token.text);
  }
  end('');
}

function wordText(token: ShellToken | undefined): string {
  return token?.kind === 'word' ? token.text : '';
}

/** Words of the shell that stand before a command. */
const BEFORE = new Set(['if', 'then', 'else', 'elif', 'while', 'until', 'do', '{', '!', 'time', 'coproc']);
const ALONE = new Set(['fi', 'done', 'esac', '}', 'break', 'continue', 'return', 'for', 'case', 'select', 'in', 'function']);

interface Around {
  readonly writes: readonly string[];
  /** Something else is its input. */
  readonly isFed: boolean;
}

function readCommand(given: readonly ShellWord[], around: Around, reading: Reading): void {
  let words = given;
  if (words[0]?.text === 'function') words = words.slice(2);
  while (words[0] && BEFORE.has(words[0].text)) words = words.slice(1);
  const assigns: string[] = [];
  while (words[0] && /^\w+\+?=/.test(words[0].text)) {
    assigns.push(words[0].text);
    words = words.slice(1);
  }
  const [first, ...rest] = words;
  if (!first || (ALONE.has(first.text) && !first.dynamic)) {
    if (around.writes.length > 0 || assigns.length > 0) reading.commands.push({ program: '', args: [], writes: around.writes, assigns });
    return;
  }
  if (first.dynamic) {
    reading.doubts.push('which program runs is known only when it runs');
    return;
  }
  if (assigns.some((each) => /^(PATH|LD_|IFS|BASH_ENV|ENV|PROMPT_COMMAND|PS[0-4]|SHELLOPTS)/.test(each)))
    reading.doubts.push('it changes where programs come from, or how lines are read');
  const program = first.text.slice(first.text.lastIndexOf('/') + 1);
  reading.commands.push({ program, args: rest.map(({ text }) => text), writes: around.writes, assigns });
  readWrapped(program, rest, around, reading);
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
};

/** Options of theirs that take the next word. */
const WITH_VALUE =
  /^-([ugpCDRTUrthnILsPdEcSN]|-(user|group|prompt|chdir|role|type|other-user|close-from|signal|kill-after|max-args|replace|max-procs|delimiter|adjustment|unset|interval|split-string))$/;

const SHELLS = /^(sh|bash|dash|ash|zsh|ksh|mksh|fish|csh|tcsh|rbash)$/;
const INTERPRETERS =
  /^(python[\d.]*|perl[\d.]*|ruby[\d.]*|node|nodejs|php[\d.]*|lua[\d.]*|tclsh|osascript|pwsh|powershell|awk|gawk|mawk|nawk)$/;

function readWrapped(program: string, args: readonly ShellWord[], around: Around, reading: Reading): void {
  if (program === 'eval' || program === 'source' || program === '.') reading.doubts.push(`${program} runs a text that is not read here`);
  else if (program === 'alias' || program === 'trap' || program === 'enable' || program === 'hash') {
    if (args.length > 0) reading.doubts.push(`${program} changes what later words run`);
  } else if (SHELLS.test(program)) readShell(program, args, around, reading);
  else if (INTERPRETERS.test(program)) readInterpreter(program, args, around, reading);
  else if (program === 'find') readFind(args, reading);
  else if (program === 'ssh' || program === 'script' || program === 'su' || program === 'vi' || program === 'vim') {
    if (args.some(({ text }) => /^-c$|^--command/.test(text)) || (program === 'ssh' && args.length > 1))
      reading.doubts.push(`${program} runs a command elsewhere or in its own way`);
  } else if (Object.hasOwn(WRAPPERS, program)) readBehind(program, args, reading);
}

function readBehind(program: string, args: readonly ShellWord[], reading: Reading): void {
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
    if (from < args.length) nested(args.slice(from), { writes: [], isFed: program === 'xargs' }, reading);
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
  const hasText = args.some(({ text }) => /^-(e|c|r|E|p|-eval|-print|Command|EncodedCommand)/.test(text));
  const hasFile = args.some(({ text }) => !text.startsWith('-'));
  if (hasText || (isFed && !hasFile)) reading.doubts.push(`${program} runs a text that is not read here`);
}

function readFind(args: readonly ShellWord[], reading: Reading): void {
  args.forEach(({ text }, index) => {
    if (/^-(exec|execdir|ok|okdir)$/.test(text)) {
      const rest = args.slice(index + 1);
      const end = rest.findIndex((word) => word.text === ';' || word.text === '+');
      nested(end < 0 ? rest : rest.slice(0, end), { writes: [], isFed: false }, reading);
    }
  });
}
