import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lex } from './tidy/lexer.ts';
import { bannedCalls, fileLength, functionLength, honestTests, kebabCase, noEscapes } from './tidy/rules-code.ts';
import { dependencyList, fingerprint, ownWords, packageReadmes, readmeCommands, soundDocs, variableList } from './tidy/rules-docs.ts';
import { dependenciesAreNamed, importDirections, mapIsWhole, unusedFiles } from './tidy/rules-imports.ts';
import { functionsOf, type Rule, Tree } from './tidy/tree.ts';
import { unusedExceptions } from './tidy.ts';

/** What a rule finds in a project that has these files, as `path:line`. */
function found(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  const tree = new Tree(Object.entries(files).map(([path, text]) => ({ path, text })));
  return [...rule(tree)].map(({ path, line }) => `${path}:${line}`);
}

const MAP = `# Map

| package | holds | may import |
| --- | --- | --- |
| core | nouns | nothing of ours |
| store | rows | core |
`;

const lines = (count: number, line = 'a();'): string => `${line}\n`.repeat(count);

test('an import that points up, sideways or into another package is found, one that points down is not', () => {
  const files = {
    'ARCHITECTURE.md': MAP,
    'packages/core/src/a.ts': `import { b } from '@hoop/store/b';\nimport type { c } from '../../store/src/c.ts';`,
    'packages/store/src/b.ts': `import { a } from '@hoop/core/a';\nimport { c } from './c.ts';\nexport * from '@hoop/store/c';`,
    'tools/x.ts': `const a = await import('@hoop/core/a');\nimport '../packages/core/src/a.ts';`,
  };
  assert.deepEqual(found(importDirections, files), [
    'packages/core/src/a.ts:1',
    'packages/core/src/a.ts:2',
    'packages/store/src/b.ts:3',
    'tools/x.ts:2',
  ]);
  assert.deepEqual(found(importDirections, { 'packages/core/src/a.ts': '' }), ['ARCHITECTURE.md:1']);
});

test('a protocol that reaches into another one is found, one that uses what is shared is not', () => {
  const files = {
    'ARCHITECTURE.md': MAP,
    'packages/protocols/src/mysql/relay.ts': `import { a } from '../postgres/frame.ts';\nimport { b } from '../shared/tls.ts';`,
  };
  assert.deepEqual(found(importDirections, files), ['packages/protocols/src/mysql/relay.ts:1']);
});

test('a package that is missing on the map, or depends on more than the map allows, is found', () => {
  const files = {
    'ARCHITECTURE.md': MAP,
    'packages/core/package.json': '{"dependencies": {"@hoop/store": "1", "zod": "1"}}',
    'packages/core/tsconfig.json': '{"references": [{"path": "../store"}]}',
    'packages/web/package.json': '{}',
  };
  assert.deepEqual(found(mapIsWhole, files), [
    'ARCHITECTURE.md:1',
    'ARCHITECTURE.md:1',
    'packages/core/package.json:1',
    'packages/core/tsconfig.json:1',
  ]);
});

test('a package from outside that is not in the own package.json is found, except in tests, which may use any', () => {
  const files = {
    'package.json': '{"devDependencies": {"fast-check": "1"}}',
    'packages/core/package.json': '{"dependencies": {"zod": "1"}}',
    'packages/core/src/a.ts': `import { z } from 'zod/v4';\nimport x from 'fast-check';\nimport fs from 'node:fs';`,
    'packages/core/src/a.test.ts': `import x from 'fast-check';\nimport y from '@scope/other/deep';`,
  };
  assert.deepEqual(found(dependenciesAreNamed, files), ['packages/core/src/a.test.ts:2', 'packages/core/src/a.ts:2']);
});

test('a file that nothing reaches, and product code that only tests reach, are found', () => {
  const files = {
    'packages/cli/src/main.ts': `import { a } from '@hoop/core/a';\nnew Worker(new URL('./worker.ts', import.meta.url));`,
    'packages/cli/src/worker.ts': '',
    'packages/core/src/a.ts': `export * from './b.ts';`,
    'packages/core/src/b.ts': '',
    'packages/core/src/island.ts': `import './island-two.ts';`,
    'packages/core/src/island-two.ts': '',
    'packages/core/src/only-tested.ts': '',
    'packages/core/src/testing/support.ts': '',
    'packages/core/src/a.test.ts': `import './only-tested.ts';\nimport './testing/support.ts';`,
  };
  assert.deepEqual(found(unusedFiles(['packages/cli/src/main.ts']), files), [
    'packages/core/src/island-two.ts:1',
    'packages/core/src/island.ts:1',
    'packages/core/src/only-tested.ts:1',
  ]);
});

test('a program that imports test support is found', () => {
  const files = { 'packages/cli/src/main.ts': `import './testing/x.ts';`, 'packages/cli/src/testing/x.ts': '' };
  assert.deepEqual(found(unusedFiles(['packages/cli/src/main.ts']), files), ['packages/cli/src/testing/x.ts:1']);
});

test('a banned call is found outside the files that may, and not in strings, comments or as a method of another object', () => {
  const rule = bannedCalls([
    {
      words: ['console', '.'],
      instead: 'a log',
      except: [
        { path: 'out/', why: '' },
        { path: '*/print.ts', why: '' },
      ],
    },
  ]);
  const call = 'console.log(1);';
  const files = {
    'a.ts': `'console.log';\n// console.log\nmy.console.log();\n${call}`,
    'out/b.ts': call,
    'c/print.ts': call,
    'c/reprint.ts': `\n${call}`,
  };
  assert.deepEqual(found(rule, files), ['a.ts:4', 'c/reprint.ts:2']);
});

test('every ban of the house is one that its own words break', () => {
  const calls = [
    'process.env.X',
    'console.log()',
    'setInterval(f)',
    'process.exit(1)',
    'Math.random()',
    'eval(x)',
    'new Function(x)',
    'execSync(x)',
    'export default x',
  ];
  for (const call of calls) assert.deepEqual(found(bannedCalls(), { 'packages/core/src/a.ts': call }), ['packages/core/src/a.ts:1'], call);
});

test('any, a contradiction of the compiler, a silenced compiler and unfinished business are found', () => {
  for (const line of [
    'let a: any;',
    'f(x as any);',
    'type A = Map<string, any>;',
    'type A = any[];',
    'a!.b;',
    'f(a[0]!);',
    'x = y()!;',
    '// @ts-ignore',
    '/* TODO: later */',
  ]) {
    assert.deepEqual(found(noEscapes, { 'a.ts': `\n${line}` }), ['a.ts:2'], line);
  }
});

test('words and marks that only look like an escape are left alone', () => {
  for (const line of [
    'const any = 1;',
    'f(any);',
    'if (!a) b();',
    'a != b;',
    'a !== b;',
    'return !a;',
    'x = y && !z;',
    '"as any"',
    '// any of them!',
    '/a!/.test(b)',
  ]) {
    assert.deepEqual(found(noEscapes, { 'a.ts': line }), [], line);
  }
  assert.deepEqual(found(noEscapes, { 'a.ts': '// biome-ignore lint/suspicious/noExplicitAny: theirs\nf(x as any);' }), []);
});

test('a function that is too long is found, whatever form it has, and a class or an object is no function', () => {
  const body = lines(70);
  for (const head of [
    'function f(): { a: string } {',
    'const f = (a: number): void => {',
    'const f = async a => {',
    'class A { async #f(a = g(1), b?: string): Promise<void> {',
    'x.on("y", () => {',
  ]) {
    const text = `${head}\n${body}}${head.startsWith('class') ? '}' : ''}${head.startsWith('x.') ? ')' : ''}`;
    assert.deepEqual(found(functionLength, { 'a.ts': text }), ['a.ts:1'], head);
  }
  assert.deepEqual(
    found(functionLength, { 'a.ts': `class A {\n${lines(90, 'b(): void {}')}}\nconst o = {\n${lines(90, 'a: 1,')}};\nif (a) {\n${body}}` }),
    [],
  );
  assert.deepEqual(found(functionLength, { 'a.ts': `function f() {\n${lines(60)}}` }), []);
});

test('a function that only groups tests may be long, a test may not', () => {
  const group = `describe('x', () => {\n${lines(80, "test('a b c', () => {});")}});`;
  assert.deepEqual(found(functionLength, { 'a.test.ts': group }), []);
  assert.deepEqual(found(functionLength, { 'a.test.ts': `test('a b c', () => {\n${lines(80)}});` }), ['a.test.ts:1']);
});

test('a file that is too long is found, unless it is a list that says so', () => {
  const long = lines(501);
  assert.deepEqual(found(fileLength([{ path: 'b.ts', why: 'a list' }]), { 'a.ts': long, 'b.ts': long, 'c.ts': lines(500) }), ['a.ts:500']);
});

test('a file whose name is not in lower case with dashes is found', () => {
  assert.deepEqual(
    found(kebabCase, { 'a/fooBar.ts': '', 'a/Foo.ts': '', 'a/foo_bar.ts': '', 'a/foo-bar.test.ts': '', 'a/001-init.ts': '' }),
    ['a/Foo.ts:1', 'a/fooBar.ts:1', 'a/foo_bar.ts:1'],
  );
});

test('a test that does not run, or whose name promises nothing, is found', () => {
  const good = `test('it holds water always', () => {});`;
  for (const line of [
    `test.${'skip'}('a b c', f);`,
    `describe.${'only'}('a b c', f);`,
    `test('a b c', { ${'todo'}: true }, f);`,
    `test('parse', f);`,
  ]) {
    assert.deepEqual(found(honestTests, { 'a.test.ts': `${good}\n${line}` }), ['a.test.ts:2'], line);
  }
  assert.deepEqual(found(honestTests, { 'a.ts': 'test.skip()' }), []);
});

test('a document without its one title, or with a link to nowhere, is found', () => {
  const files = {
    'docs/a.md': '# A\n\n[b](b.md) [c](../c/) [w](https://example.com/x) [t](#title)\n```\n# no title\n[x](nowhere)\n```\n',
    'docs/b.md': '# B\n# B again\n',
    'c/d.md': '# D\n\n[gone](gone.md)\n',
  };
  assert.deepEqual(found(soundDocs, files), ['c/d.md:3', 'docs/b.md:1']);
});

test('a package without a README of a few lines, and a README without the two commands, are found', () => {
  const files = {
    'packages/core/a.ts': '',
    'packages/core/README.md': '# core\n',
    'packages/store/b.ts': '',
    'packages/store/README.md': '# store\n\na\n\nb\n',
  };
  assert.deepEqual(found(packageReadmes, files), ['packages/core/README.md:1']);
  assert.deepEqual(found(readmeCommands, { 'README.md': 'npm start' }), ['README.md:1']);
});

test('a dependency without its line, and a line without its dependency, are found', () => {
  const files = {
    'packages/core/package.json': '{"dependencies": {"zod": "1", "pino": "1", "@hoop/contract": "1"}}',
    'docs/dependencies.md': '# D\n\n| `pino` | logs |\n| `gone` | why |\n| `pino` | again |\n',
  };
  assert.deepEqual(found(dependencyList, files), ['docs/dependencies.md:1', 'docs/dependencies.md:4', 'docs/dependencies.md:1']);
});

test('a variable that is read and not documented, and one that is documented and not read, are found', () => {
  const files = {
    'packages/core/src/env.ts': `read('HOOP_HOME'); source.LOG_LEVEL;`,
    'packages/core/src/testing/env.ts': `read('HOOP_TEST')`,
    'docs/configuration.md': '# C\n\n| `LOG_LEVEL` | x |\n| `OLD_ONE` | x |\n',
  };
  assert.deepEqual(found(variableList, files), ['docs/configuration.md:1', 'docs/configuration.md:4']);
});

test('words that belong to where something was written are found', () => {
  const rule = ownWords(new Set([fingerprint('workbench-7')]));
  const ticket = `see ${'issue'} 12 of it`;
  const path = `/${'work'}/place`;
  const host = `https://${'registry'}.example.org/x`;
  assert.deepEqual(found(rule, { 'a.md': ticket, 'b.md': path, 'c.md': host, 'd.md': 'made on\nWorkbench-7', 'e.md': `closes ${'#'}12` }), [
    'a.md:1',
    'b.md:1',
    'c.md:1',
    'd.md:2',
    'e.md:1',
  ]);
  assert.deepEqual(
    found(rule, { 'a.md': 'an issue with 12 parts, colour #123456, a #private field, registry.contentType', 'package-lock.json': host }),
    [],
  );
});

test('an exception that fits no file any more is found', () => {
  const lists = [
    [
      { path: 'a.ts', why: '' },
      { path: 'gone/', why: '' },
    ],
  ];
  assert.deepEqual(found(unusedExceptions(lists), { 'a.ts': '' }), ['tools/tidy/exceptions.ts:1']);
});

test('source text is cut where the language cuts it', () => {
  const source = "a = `x${ f({b: `y${1}`}) }z` / 2; c = /[/]\\/\"/g.test('it\\'s'); // end \"\n#d";
  const texts = lex(source).tokens.map(({ kind, text }) => `${kind[0]}${text}`);
  assert.deepEqual(texts, [
    ...['wa', 'm=', 't`x${', 'wf', 'm(', 'm{', 'wb', 'm:', 't`y${', 'n1', 't}`', 'm}', 'm)', 't}z`', 'm/', 'n2', 'm;'],
    ...['wc', 'm=', 'r/[/]\\/"/g', 'm.', 'wtest', 'm(', "sit\\'s", 'm)', 'm;', 'w#d'],
  ]);
  assert.equal(lex(source).tokens.at(-1)?.line, 2);
});

test('functions are found with their names and lengths', () => {
  const text =
    'export async function load(a: string): Promise<{ b: number }> {\n  if (a) {\n    go();\n  }\n}\nconst pick = <T>(x: T): T => {\n  return x;\n};\n';
  assert.deepEqual(
    functionsOf({ path: 'a.ts', text }).map(({ name, line, lines: count }) => [name, line, count]),
    [
      ['load', 1, 5],
      ['pick', 6, 3],
    ],
  );
});
