import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { isTest, packageOf, type Rule, type SourceFile, type Tree } from './tree.ts';

const isDoc = ({ path }: SourceFile): boolean => path.endsWith('.md');

/** A document has one title, and its links to files lead somewhere. */
export const soundDocs: Rule = function* (tree) {
  for (const file of tree.files.filter(isDoc)) {
    const prose = file.text.replace(/```[\s\S]*?```/g, (block) => '\n'.repeat(block.split('\n').length - 1));
    const titles = prose.match(/^# /gm)?.length ?? 0;
    if (titles !== 1) yield { path: file.path, line: 1, message: `${titles} titles (lines that begin with "# "): write one` };
    for (const link of prose.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      const target = link[1] ?? '';
      if (/^[a-z]+:/.test(target)) continue;
      const path = posix.normalize(posix.join(posix.dirname(file.path), target)).replace(/\/$/, '');
      const there = tree.get(path) !== undefined || tree.files.some((other) => other.path.startsWith(`${path}/`));
      if (!there) yield { path: file.path, line: lineOf(prose, link.index), message: `${target} is not there` };
    }
  }
};

/** Whoever opens a package's folder finds a few lines that say what it is for. */
export const packageReadmes: Rule = function* (tree) {
  const packages = new Set(tree.files.map(({ path }) => packageOf(path)).filter((name) => name !== undefined));
  for (const name of packages) {
    const path = `packages/${name}/README.md`;
    const lines = (tree.get(path)?.text ?? '').split('\n').filter((line) => line.trim() !== '').length;
    if (lines < 3) yield { path, line: 1, message: 'Say in a few lines what this package is for, and what it is not for' };
  }
};

/** The two commands that everybody needs stand in the README. */
export const readmeCommands: Rule = function* (tree) {
  const readme = tree.get('README.md')?.text ?? '';
  for (const command of ['npm start', 'npm test'])
    if (!readme.includes(command)) yield { path: 'README.md', line: 1, message: `It does not name \`${command}\`` };
};

const DEPENDENCIES = 'docs/dependencies.md';

/** Every package that the product runs on has its line, with why it is there; and no line outlives its package. */
export const dependencyList: Rule = function* (tree) {
  const used = new Set<string>();
  for (const { path, text } of tree.files) {
    if (!/^packages\/[^/]+\/package\.json$/.test(path)) continue;
    const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
    for (const name of Object.keys(dependencies)) if (!name.startsWith('@hoop/')) used.add(name);
  }
  const text = tree.get(DEPENDENCIES)?.text ?? '';
  const listed = [...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '');
  for (const name of used) if (!listed.includes(name)) yield { path: DEPENDENCIES, line: 1, message: `${name} has no line` };
  for (const name of listed)
    if (!used.has(name))
      yield { path: DEPENDENCIES, line: lineOf(text, text.indexOf(`| \`${name}\``)), message: `${name} is not used any more` };
  for (const name of new Set(listed))
    if (listed.filter((other) => other === name).length > 1) yield { path: DEPENDENCIES, line: 1, message: `${name} has two lines` };
};

const CONFIGURATION = 'docs/configuration.md';

/** Every environment variable that an env.ts of a package names (not one of its test support) has its line, and no line is about one that nobody reads. */
export const variableList: Rule = function* (tree) {
  const text = tree.get(CONFIGURATION)?.text ?? '';
  const listed = new Set([...text.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \|/gm)].map((match) => match[1] ?? ''));
  const read = new Map<string, string>();
  for (const file of tree.code.filter(({ path }) => packageOf(path) && path.endsWith('/env.ts') && !path.includes('/testing/'))) {
    for (const name of variablesOf(tree, file)) read.set(name, file.path);
  }
  for (const [name, path] of read)
    if (!listed.has(name)) yield { path: CONFIGURATION, line: 1, message: `${name}, which ${path} reads, has no line` };
  for (const name of listed)
    if (!read.has(name))
      yield { path: CONFIGURATION, line: lineOf(text, text.indexOf(`| \`${name}\``)), message: `No env.ts reads ${name}` };
};

/** Names of variables in an env.ts: string literals in upper case, and `source.NAME`. */
function variablesOf(tree: Tree, file: SourceFile): string[] {
  const { tokens } = tree.lexed(file);
  const isName = (text: string): boolean => /^[A-Z][A-Z0-9_]+$/.test(text);
  return tokens.flatMap(({ kind, text }, index) => {
    if (kind === 'string') return isName(text) ? [text] : [];
    return kind === 'word' && isName(text) && tokens[index - 1]?.text === '.' ? [text] : [];
  });
}

/** Shapes of text that belong to where something was written, not to what it is. */
const OUT_OF_PLACE: readonly { readonly shape: RegExp; readonly what: string }[] = [
  { shape: /\bissues? #?\d+\b|(?<![\w&/#])#\d{1,5}\b(?![-\w;])/gi, what: 'A number of a ticket: say what it was about' },
  { shape: /(?<![\w.])\/(work|home|Users)\/\w+/g, what: 'A path of one machine' },
  { shape: /\bregistry\.[a-z-]+\.[a-z]{2,}\b/gi, what: 'The address of a package registry' },
];

/** Words of the place where this was written, as hashes, so that they do not stand here either. */
const PLACE_WORDS: ReadonlySet<string> = new Set([
  '52fb49b4ab97',
  'f434e3349f74',
  '31d123108dba',
  '8cf10d1b0e07',
  'fbb8037df8cc',
  '55213f39076b',
  '94a168d2da57',
  'd737a41e8cf0',
]);

export const fingerprint = (word: string): string => createHash('sha256').update(word.toLowerCase()).digest('hex').slice(0, 12);

/** The project speaks of itself alone. */
export function ownWords(placeWords: ReadonlySet<string> = PLACE_WORDS): Rule {
  return function* (tree) {
    const known = new Map<string, boolean>();
    for (const { path, text } of tree.files) {
      if (path === 'package-lock.json') continue;
      for (const { shape, what } of isTest(path) ? OUT_OF_PLACE.slice(2) : OUT_OF_PLACE) {
        for (const match of text.matchAll(shape)) yield { path, line: lineOf(text, match.index), message: `${what} ("${match[0]}")` };
      }
      for (const match of text.matchAll(/[A-Za-z][\w-]{2,}/g)) {
        const word = match[0].toLowerCase();
        if (!known.has(word)) known.set(word, placeWords.has(fingerprint(word)));
        if (known.get(word))
          yield { path, line: lineOf(text, match.index), message: `"${match[0]}" is a word of the place where this was written` };
      }
    }
  };
}

function lineOf(text: string, index: number): number {
  return text.slice(0, Math.max(0, index)).split('\n').length;
}
