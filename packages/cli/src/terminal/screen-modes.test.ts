import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScreenModes } from './screen-modes.ts';

function undone(...chunks: string[]): string {
  const modes = new ScreenModes();
  for (const chunk of chunks) modes.watch(Buffer.from(chunk, 'latin1'));
  return modes.undo();
}

test('a program that put the screen back leaves nothing to undo', () => {
  assert.equal(undone('\x1b[?1049h\x1b[?25l', 'text', '\x1b[?25h\x1b[?1049l'), '');
  assert.equal(undone('plain text, and \x1b[31mcolours\x1b[0m'), '');
});

test('what a program left on is turned off, and what it left off is turned on', () => {
  assert.equal(undone('\x1b[?1049h\x1b[?2004hvim'), '\x1b[?1049l\x1b[?2004l\x1b>\x1b[0m');
  assert.equal(undone('\x1b[?25l'), '\x1b[?25h\x1b>\x1b[0m');
  assert.equal(undone('\x1b[?1000;1006h'), '\x1b[?1000l\x1b[?1006l\x1b>\x1b[0m');
});

test('a sequence is found wherever a chunk ends in it', () => {
  const sequence = 'x\x1b[?1049hy';
  for (let at = 1; at < sequence.length; at++) {
    assert.equal(undone(sequence.slice(0, at), sequence.slice(at)), '\x1b[?1049l\x1b>\x1b[0m', `cut at ${at}`);
  }
});

test('undoing happens once', () => {
  const modes = new ScreenModes();
  modes.watch(Buffer.from('\x1b[?1049h'));
  assert.notEqual(modes.undo(), '');
  assert.equal(modes.undo(), '');
});

test('output that never ends a sequence is not kept', () => {
  assert.equal(undone('\x1b[?', '1'.repeat(100_000), 'h'), '');
});
