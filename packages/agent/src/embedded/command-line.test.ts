import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandLineError, splitCommandLine } from './command-line.ts';

test('words are cut as a person means them', () => {
  for (const [line, words] of [
    ['rails console', ['rails', 'console']],
    ['  bundle \t exec\nrails  ', ['bundle', 'exec', 'rails']],
    [`python3 -c 'print("a b")'`, ['python3', '-c', 'print("a b")']],
    ['a"b c"d', ['ab cd']],
    [`''`, ['']],
    ['"" x', ['', 'x']],
    ['a\\ b', ['a b']],
    ['"a\\"b\\$c\\d\\\\"', ['a"b$c\\d\\']],
    ['a\\\nb', ['ab']],
    [`'a\\b'`, ['a\\b']],
    ['$HOME *', ['$HOME', '*']],
    ['', []],
  ] as const) {
    assert.deepEqual(splitCommandLine(line), words, line);
  }
});

test('a quote that is not closed is told, and so is a backslash that quotes nothing', () => {
  assert.throws(() => splitCommandLine(`rails 'console`), new CommandLineError("the quote ' is not closed"));
  assert.throws(() => splitCommandLine('a "b\\"'), new CommandLineError('the quote " is not closed'));
  assert.throws(() => splitCommandLine('a \\'), new CommandLineError('it ends with a backslash that quotes nothing'));
});

test('a shell cuts every line in the same way', () => {
  const piece = fc.constantFrom('a', 'b', 'é', '-x', ' ', '  ', '\t', "'", '"', '\\', "''", '""', '=', '/', ':');
  const lines = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
  const sample = fc.sample(lines, { numRuns: 400, seed: 7 });
  const split = (line: string): string[] | undefined => {
    try {
      return splitCommandLine(line);
    } catch {
      return undefined;
    }
  };
  const sound = sample.flatMap((line) => {
    const words = split(line);
    return words ? [{ line, words }] : [];
  });
  assert.ok(sound.length > 50);
  const script = sound.map(({ line }) => `set -- ${line}\nfor w in "$@"; do printf '%s\\0' "$w"; done; printf '\\1\\0'\n`).join('');
  const told = execFileSync('/bin/sh', [], { input: script, encoding: 'utf8' });
  const byShell = told
    .split('\x01\0')
    .slice(0, -1)
    .map((words) => words.split('\0').slice(0, -1));
  assert.deepEqual(
    sound.map(({ words }) => words),
    byShell,
  );
});
