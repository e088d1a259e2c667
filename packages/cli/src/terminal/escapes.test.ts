import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EscapeAction, EscapeFilter } from './escapes.ts';

/** Reads one after the other; gives what went through and what was asked for. */
function through(reads: readonly string[], character = '~'): { text: string; actions: EscapeAction[] } {
  const filter = new EscapeFilter(character);
  const actions: EscapeAction[] = [];
  let text = '';
  for (const read of reads) {
    const { bytes, action } = filter.push(Buffer.from(read, 'latin1'));
    text += bytes.toString('latin1');
    if (action) actions.push(action);
  }
  return { text, actions };
}

test('a tilde and a dot at the beginning of a line leave, whether they come in one read or in many', () => {
  for (const reads of [['~.'], ['~', '.'], ['ls\r', '~', '.'], ['\r~.'], ['\r\r\r~.'], ['\n', '~.'], ['~?', '~.']]) {
    assert.equal(through(reads).actions.at(-1), 'leave', JSON.stringify(reads));
  }
});

test('a tilde in the middle of a line is text', () => {
  assert.deepEqual(through(['cd ~', '.', '\r']), { text: 'cd ~.\r', actions: [] });
});

test('a tilde waits for the byte behind it, and then goes on with it', () => {
  assert.deepEqual(through(['~']), { text: '', actions: [] });
  assert.deepEqual(through(['~', '/x\r']), { text: '~/x\r', actions: [] });
  assert.deepEqual(through(['~', '\r', '~.']), { text: '~\r', actions: ['leave'] });
});

test('two tildes are one', () => {
  assert.deepEqual(through(['~', '~', '.']), { text: '~.', actions: [] });
  assert.deepEqual(through(['~~.\r']), { text: '~.\r', actions: [] });
});

test('a question mark asks for help, and nothing of it reaches the command', () => {
  assert.deepEqual(through(['~', '?', 'ls']), { text: 'ls', actions: ['help'] });
});

test('what is pasted is text, with a tilde and a dot at the beginning of a line too', () => {
  const pasted = 'first line\n~.\n~?\n~~\nlast line\n';
  assert.deepEqual(through([pasted]), { text: pasted, actions: [] });
  assert.deepEqual(through(['~', pasted]), { text: `~${pasted}`, actions: [] });
});

test('bytes beyond ASCII pass as they are, wherever a read ends', () => {
  const bytes = Buffer.from('é✓\r').toString('latin1');
  assert.equal(through([...bytes]).text, bytes);
});

test('another character can be chosen', () => {
  assert.deepEqual(through(['~.\r', '%.'], '%'), { text: '~.\r', actions: ['leave'] });
});
