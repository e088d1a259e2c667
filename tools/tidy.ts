import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { BANS, ENTRIES, type Exception, LONG_FILES } from './tidy/exceptions.ts';
import { bannedCalls, fileLength, functionLength, honestTests, kebabCase, matches, noEscapes } from './tidy/rules-code.ts';
import { dependencyList, ownWords, packageReadmes, readmeCommands, soundDocs, variableList } from './tidy/rules-docs.ts';
import { dependenciesAreNamed, importDirections, mapIsWhole, unusedFiles } from './tidy/rules-imports.ts';
import { type Rule, Tree, type Violation } from './tidy/tree.ts';

/** An exception that fits nothing any more is dead weight, and the next one would copy it. */
export function unusedExceptions(lists: readonly (readonly Exception[])[]): Rule {
  return function* (tree) {
    for (const { path } of lists.flat()) {
      if (!tree.files.some((file) => matches(file.path, path)))
        yield { path: 'tools/tidy/exceptions.ts', line: 1, message: `The exception for ${path} fits no file` };
    }
  };
}

/** The style of the house as rules, in the order in which their findings are told. */
export const RULES: readonly Rule[] = [
  importDirections,
  mapIsWhole,
  dependenciesAreNamed,
  unusedFiles(ENTRIES.map(({ path }) => path)),
  bannedCalls(BANS),
  noEscapes,
  functionLength,
  fileLength(LONG_FILES),
  kebabCase,
  honestTests,
  soundDocs,
  packageReadmes,
  readmeCommands,
  dependencyList,
  variableList,
  ownWords(),
  unusedExceptions([LONG_FILES, ENTRIES, ...BANS.map(({ except }) => except)]),
];

/** What the rules find. */
export function tidy(tree: Tree, rules: readonly Rule[] = RULES): Violation[] {
  return rules.flatMap((rule) => [...rule(tree)]);
}

const BYTES_MAX = 2_000_000;

/** The files that are in the repository, or would be with `git add`. */
export function readTree(root: string): Tree {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  const paths = listed.split('\0').filter((path) => path !== '' && existsSync(join(root, path)));
  const texts = paths.filter((path) => statSync(join(root, path)).size < BYTES_MAX && !/\.(png|svg|gz|wasm|bin)$/.test(path));
  return new Tree(texts.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') })));
}

function main(): number {
  const tree = readTree(fileURLToPath(new URL('..', import.meta.url)));
  const violations = tidy(tree);
  for (const { path, line, message } of violations) process.stdout.write(`${path}:${line}  ${message}\n`);
  process.stdout.write(`${tree.files.length} files, ${RULES.length} rules, ${violations.length} findings\n`);
  return violations.length === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) process.exitCode = main();
