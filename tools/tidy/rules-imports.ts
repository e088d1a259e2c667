import { importsOf, isTest, packageOf, type Rule, resolveImport, type SourceFile, type Tree, type Violation } from './tree.ts';

const MAP = 'ARCHITECTURE.md';

/**
 * Which package may import which, as the table in ARCHITECTURE.md says: the map that people read is the one that is kept.
 * Rows look like `| core | what it holds | contract |`.
 */
export function allowedImports(map: string): ReadonlyMap<string, readonly string[]> {
  const allowed = new Map<string, readonly string[]>();
  const lines = map.split('\n');
  const header = lines.findIndex((line) => /^\|\s*package\s*\|.*\|\s*may import\s*\|$/.test(line));
  if (header < 0) return allowed;
  for (const line of lines.slice(header + 2)) {
    const cells = line.split('|').map((cell) => cell.trim().replaceAll('`', ''));
    if (cells.length < 5) break;
    const names = cells.at(-2) ?? '';
    allowed.set(cells[1] ?? '', names === 'nothing of ours' ? [] : names.split(/,\s*/));
  }
  return allowed;
}

/** An import points to a lower row of the map, by the package's name; nobody reaches into another package's folders. */
export const importDirections: Rule = function* (tree) {
  const allowed = allowedImports(tree.get(MAP)?.text ?? '');
  if (allowed.size === 0)
    yield { path: MAP, line: 1, message: 'There is no table "package | holds | may import", which says who may import whom' };
  for (const file of tree.code) {
    for (const { specifier, line } of importsOf(tree.lexed(file).tokens)) {
      const message = importFault(file.path, specifier, allowed);
      if (message) yield { path: file.path, line, message };
    }
  }
};

function importFault(path: string, specifier: string, allowed: ReadonlyMap<string, readonly string[]>): string | undefined {
  const own = packageOf(path);
  const [, target] = /^@hoop\/([^/]+)/.exec(specifier) ?? [];
  if (target !== undefined) {
    if (own === undefined) return undefined;
    if (own === target) return `Import your own package's files by their relative path, not as ${specifier}`;
    return allowed.get(own)?.includes(target) ? undefined : `${own} may not import ${target}: ARCHITECTURE.md has the map`;
  }
  if (!specifier.startsWith('.')) return undefined;
  const resolved = resolveImport(path, specifier);
  if (own !== undefined && !resolved.startsWith(`packages/${own}/`))
    return `${specifier} leaves the package: import @hoop/<package>/<file>`;
  if (own === undefined && resolved.startsWith('packages/')) return `${specifier} reaches into a package: import @hoop/<package>/<file>`;
  return protocolFault(path, resolved);
}

/** Protocols know nothing of each other: what two of them share is in `shared/`. */
function protocolFault(path: string, resolved: string): string | undefined {
  const folder = /^packages\/protocols\/src\/([^/]+)\//;
  const own = folder.exec(path)?.[1];
  const other = folder.exec(resolved)?.[1];
  if (own === undefined || other === undefined || own === other || other === 'shared') return undefined;
  return `Protocol ${own} imports from protocol ${other}: put what both need into protocols/src/shared`;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** package.json and tsconfig.json of a package name the packages that the map allows, and the map's rows are the packages there are. */
export const mapIsWhole: Rule = function* (tree) {
  const allowed = allowedImports(tree.get(MAP)?.text ?? '');
  const packages = new Set(tree.files.map(({ path }) => packageOf(path)).filter((name) => name !== undefined));
  for (const name of packages)
    if (!allowed.has(name)) yield { path: MAP, line: 1, message: `Package ${name} is missing in the table of packages` };
  for (const name of allowed.keys()) if (!packages.has(name)) yield { path: MAP, line: 1, message: `There is no package ${name}` };
  for (const [name, lower] of allowed) {
    const manifest = `packages/${name}/package.json`;
    const project = `packages/${name}/tsconfig.json`;
    for (const dependency of Object.keys(json<Manifest>(tree, manifest).dependencies ?? {})) {
      const target = /^@hoop\/(.*)$/.exec(dependency)?.[1];
      if (target && !lower.includes(target))
        yield { path: manifest, line: 1, message: `${name} may not depend on ${target}: ARCHITECTURE.md has the map` };
    }
    for (const { path } of json<{ references?: { path: string }[] }>(tree, project).references ?? []) {
      const target = path.replace('../', '');
      if (!lower.includes(target))
        yield { path: project, line: 1, message: `${name} may not refer to ${target}: ARCHITECTURE.md has the map` };
    }
  }
};

/** What a package imports from outside is in its own package.json; tests and tools may use what any part of the house uses. */
export const dependenciesAreNamed: Rule = function* (tree) {
  const manifests = tree.files
    .filter(({ path }) => /^(packages\/[^/]+\/)?package\.json$/.test(path))
    .map(({ path }) => json<Manifest>(tree, path));
  const anywhere = new Set(manifests.flatMap(({ dependencies, devDependencies }) => Object.keys({ ...dependencies, ...devDependencies })));
  for (const file of tree.code) {
    const own = packageOf(file.path);
    const isProduct = own !== undefined && !isTest(file.path) && !isTestSupport(file.path);
    const known = isProduct ? new Set(Object.keys(json<Manifest>(tree, `packages/${own}/package.json`).dependencies ?? {})) : anywhere;
    for (const { specifier, line } of importsOf(tree.lexed(file).tokens)) {
      if (/^(\.|node:|@hoop\/)/.test(specifier)) continue;
      const name = specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
      if (!known.has(name))
        yield { path: file.path, line, message: `${name} is not among the dependencies of ${own ?? 'the root'}'s package.json` };
    }
  }
};

/** Files that only tests use lie in a folder `testing`, or say `fake` in their name. */
export function isTestSupport(path: string): boolean {
  return /\/testing\/|\/fake-[^/]*\.ts$/.test(path) || path.startsWith('test/');
}

/** Every file is reached from a program or, if it is test support, from a test. */
export function unusedFiles(entries: readonly string[]): Rule {
  return function* (tree) {
    const byProgram = reach(tree, entries);
    const tests = tree.code.filter(({ path }) => isTest(path) || path.startsWith('test/bench/')).map(({ path }) => path);
    const byTest = reach(tree, tests);
    for (const { path } of tree.code) {
      if (byProgram.has(path) || tests.includes(path)) continue;
      if (!byTest.has(path)) yield fault(path, 'Nothing imports this file');
      else if (!isTestSupport(path) && !path.startsWith('tools/'))
        yield fault(path, 'Only tests import this file: use it, remove it, or move it into a folder "testing"');
    }
    for (const { path } of tree.code)
      if (byProgram.has(path) && isTestSupport(path)) yield fault(path, 'A program imports this test support');
  };
}

function fault(path: string, message: string): Violation {
  return { path, line: 1, message };
}

function reach(tree: Tree, entries: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>();
  const waiting = entries.flatMap((path) => tree.get(path) ?? []);
  for (let file = waiting.pop(); file; file = waiting.pop()) {
    if (reached.has(file.path)) continue;
    reached.add(file.path);
    waiting.push(...targets(tree, file));
  }
  return reached;
}

function targets(tree: Tree, file: SourceFile): SourceFile[] {
  return importsOf(tree.lexed(file).tokens).flatMap(({ specifier }) => {
    const [, name, rest] = /^@hoop\/([^/]+)\/(.+)$/.exec(specifier) ?? [];
    if (name !== undefined) return tree.get(`packages/${name}/src/${rest}.ts`) ?? tree.get(`packages/${name}/src/${rest}.tsx`) ?? [];
    return specifier.startsWith('.') ? (tree.get(resolveImport(file.path, specifier)) ?? []) : [];
  });
}

function json<T>(tree: Tree, path: string): Partial<T> {
  return JSON.parse(tree.get(path)?.text ?? '{}') as Partial<T>;
}
