import { BANS, type Ban, type Exception } from './exceptions.ts';
import type { Token } from './lexer.ts';
import { functionsOf, isTest, type Rule } from './tree.ts';

export const FUNCTION_LINES_MAX = 70;
export const FILE_LINES_MAX = 500;

export function excepted(path: string, exceptions: readonly Exception[]): boolean {
  return exceptions.some((exception) => matches(path, exception.path));
}

/** A path, a folder (ends with a slash), or a file of this name anywhere (begins with `*`). */
export function matches(path: string, pattern: string): boolean {
  if (pattern.startsWith('*')) return path.endsWith(pattern.slice(1));
  return pattern.endsWith('/') ? path.startsWith(pattern) : path === pattern;
}

/** Calls that have one place each. */
export function bannedCalls(bans: readonly Ban[] = BANS): Rule {
  return function* (tree) {
    for (const file of tree.code) {
      const { tokens } = tree.lexed(file);
      for (const ban of bans) {
        if (excepted(file.path, ban.except)) continue;
        for (const [index, token] of tokens.entries()) {
          if (!standsAt(tokens, index, ban.words)) continue;
          yield {
            path: file.path,
            line: token.line,
            message: `\`${ban.words.join(' ').replace(/ ?([.(]) ?/g, '$1')}\` is not used here: ${ban.instead}`,
          };
        }
      }
    }
  };
}

function standsAt(tokens: readonly Token[], index: number, words: readonly string[]): boolean {
  if (tokens[index - 1]?.text === '.' || tokens[index - 1]?.text === '?.') return false;
  return words.every((word, at) => tokens[index + at]?.text === word && tokens[index + at]?.kind !== 'string');
}

/** A type stands between these, as two tokens with a space. */
const AROUND_TYPE = /^(([:<|&]|as|extends|is|=>|keyof) ([>,;=)|&[{\]}]|=>)|= \[|, >)$/;
const NO_VALUE = /^(return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield|instanceof|if|while)$/;

/** `any` switches the compiler off, `x!` contradicts it. Where somebody else's interface has `any`, a comment above says so. */
export const noEscapes: Rule = function* (tree) {
  for (const file of tree.code) {
    const { tokens, comments } = tree.lexed(file);
    const explained = new Set(
      comments.filter(({ text }) => /biome-ignore lint\/suspicious\/noExplicitAny: \S/.test(text)).map(({ line }) => line + 1),
    );
    for (const [index, token] of tokens.entries()) {
      if (explained.has(token.line)) continue;
      const before = tokens[index - 1];
      const after = tokens[index + 1];
      const isAny = token.kind === 'word' && token.text === 'any' && AROUND_TYPE.test(`${before?.text} ${after?.text ?? ';'}`);
      if (isAny) yield { path: file.path, line: token.line, message: '`any`: say the type, or take `unknown` and look' };
      if (isNonNull(before, token, after))
        yield { path: file.path, line: token.line, message: '`!` after a value: check it, and say what happens when it is missing' };
    }
    for (const { text, line } of comments) {
      if (/@ts-(ignore|nocheck|expect-error)/.test(text))
        yield { path: file.path, line, message: 'A comment that silences the compiler: mend what it says' };
      if (/\b(TODO|FIXME|XXX|HACK)\b/.test(text)) yield { path: file.path, line, message: 'Unfinished business: do it, or leave it out' };
    }
  }
};

function isNonNull(before: Token | undefined, token: Token, after: Token | undefined): boolean {
  if (token.kind !== 'mark' || token.text !== '!' || !before || before.line !== token.line) return false;
  const isValue = (before.kind === 'word' && !NO_VALUE.test(before.text)) || before.text === ')' || before.text === ']';
  return isValue && /^([.;,)\]}[|&?:=+*/-]|\?\.|&&|\|\||\?\?|as)$/.test(after?.text ?? ';');
}

/** What fits on a screen can be understood at once. */
export const functionLength: Rule = function* (tree) {
  for (const file of tree.code) {
    for (const { name, line, lines, groupsTests } of functionsOf(file)) {
      if (lines <= FUNCTION_LINES_MAX || (groupsTests && isTest(file.path))) continue;
      yield { path: file.path, line, message: `${name} has ${lines} lines, more than ${FUNCTION_LINES_MAX}: give its parts names` };
    }
  }
};

export function fileLength(exceptions: readonly Exception[]): Rule {
  return function* (tree) {
    for (const { path, text } of tree.code) {
      const lines = text.trimEnd().split('\n').length;
      if (lines <= FILE_LINES_MAX || excepted(path, exceptions)) continue;
      yield { path, line: FILE_LINES_MAX, message: `${lines} lines, more than ${FILE_LINES_MAX}: there are two files in here` };
    }
  };
}

/** Names of files are lower case words joined by dashes. */
export const kebabCase: Rule = function* (tree) {
  for (const { path } of tree.code) {
    const name = path.split('/').at(-1) ?? '';
    if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/.test(name)) yield { path, line: 1, message: 'Name it in lower case with dashes' };
  }
};

/** Tests run, all of them, and their names are promises in words. */
export const honestTests: Rule = function* (tree) {
  for (const file of tree.code.filter(({ path }) => isTest(path))) {
    const { tokens } = tree.lexed(file);
    for (const [index, token] of tokens.entries()) {
      if (!/^(test|it|describe|suite|t|context)$/.test(token.text) || token.kind !== 'word' || tokens[index - 1]?.text === '.') continue;
      const word = tokens[index + 2]?.text ?? '';
      if (tokens[index + 1]?.text === '.' && /^(only|skip|todo)$/.test(word))
        yield { path: file.path, line: token.line, message: `${token.text}.${word}: a test runs, or is not there` };
      const title = tokens[index + 2];
      const isCall = /^(test|it)$/.test(token.text) && tokens[index + 1]?.text === '(' && title?.kind === 'string';
      if (isCall && title.text.split(/\s+/).length < 3)
        yield { path: file.path, line: token.line, message: `"${title.text}" is no promise: say in words what holds` };
    }
    for (const [index, token] of tokens.entries()) {
      const isOption =
        /^(skip|only|todo)$/.test(token.text) && tokens[index + 1]?.text === ':' && /^[{,]$/.test(tokens[index - 1]?.text ?? '');
      if (isOption) yield { path: file.path, line: token.line, message: `Option ${token.text}: a test runs, or is not there` };
    }
  }
};
