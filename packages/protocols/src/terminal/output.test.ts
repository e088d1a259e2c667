import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TERMINAL_FRAMES, TerminalFrameReader } from '@hoop/contract/terminal';
import { ALLOW } from '@hoop/core/action';
import type { AnswerRules } from '@hoop/core/answer';
import { Gate, type Mask } from '@hoop/core/gate';
import { Output } from './output.ts';

const { stdout, stderr } = TERMINAL_FRAMES;
const SILENT = { intent: () => undefined, settled: () => undefined };

/** An output, and what its client was shown of it. */
class Stage {
  readonly output: Output;
  readonly #reader = new TerminalFrameReader();
  shown = '';

  constructor(mask: Mask | undefined, rules?: AnswerRules) {
    this.output = new Output({
      gate: new Gate({ revision: 1, mask, judge: () => ALLOW }, SILENT),
      bytesMax: 1 << 20,
      toClient: (bytes) => this.hear(bytes),
      rules: () => rules,
    });
  }

  hear(bytes: Buffer): void {
    for (const { payload } of this.#reader.push(Buffer.from(bytes))) this.shown += Buffer.from(payload).toString();
  }

  async finish(): Promise<string> {
    this.hear(Buffer.concat(await this.output.finish()));
    return this.shown;
  }
}

/** Hides `Marvin` in what was prepared, and all of everything else. */
function preparedMask(wait: () => Promise<void> = () => Promise.resolve()): Mask & { readonly asked: Set<string> } {
  const asked = new Set<string>();
  return {
    asked,
    suspects: () => true,
    prepare: async (texts) => {
      await wait();
      for (const text of texts) asked.add(String(text));
    },
    apply: (text, counts) => {
      if (!asked.has(String(text))) return Buffer.alloc(text.length, '#');
      const found = String(text).match(/Marvin/g)?.length ?? 0;
      if (found > 0) counts.PERSON = (counts.PERSON ?? 0) + found;
      return found > 0 ? Buffer.from(String(text).replaceAll('Marvin', '######')) : text;
    },
  };
}

describe('output whose mask has to ask somebody else', () => {
  it('is shown in order, with nothing hidden that they did not find, wherever it is cut', async () => {
    const text = 'here is Marvin\r\n\x1b[31mMar\x1b[0mvin again, and others\n';
    const hidden = 'here is ######\r\n\x1b[31m###\x1b[0m### again, and others\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const stage = new Stage(preparedMask());
      // Nobody waits between the two: the second piece comes while the first one is asked about.
      await Promise.all([
        stage.output.write(stdout, Buffer.from(text.slice(0, cut))),
        stage.output.write(stdout, Buffer.from(text.slice(cut))),
      ]);
      assert.equal(await stage.finish(), hidden, `cut at ${cut}`);
      assert.deepEqual(stage.output.masked, { PERSON: 2 }, `cut at ${cut}`);
    }
  });

  it('keeps the order of its streams while somebody is asked', async () => {
    const stage = new Stage(preparedMask(() => new Promise(setImmediate)));
    void stage.output.write(stdout, Buffer.from('one\n'));
    void stage.output.write(stderr, Buffer.from('two\n'));
    void stage.output.write(stdout, Buffer.from('three\n'));
    assert.equal(await stage.finish(), 'one\ntwo\nthree\n');
  });

  it('is hidden where the session ends before they answered', async () => {
    const late = Promise.withResolvers<void>();
    const stage = new Stage(preparedMask(() => late.promise));
    const written = stage.output.write(stdout, Buffer.from('Marvin was here\n'));
    stage.hear(Buffer.concat(stage.output.end()));
    late.resolve();
    await written;
    assert.equal(stage.shown, '');
  });
});

const RULES: AnswerRules = {
  forbids: (text) => (text.includes('top secret') ? { rule: 'r', message: 'No secrets here' } : undefined),
};

describe('output that a rule looks at', () => {
  it('ends where it says what is forbidden, with nothing of the word that it was cut in', async () => {
    const text = 'a line\nit is \x1b[1mtop\x1b[0m secret, and more\n';
    for (let cut = 0; cut <= text.length; cut++) {
      const stage = new Stage(undefined, RULES);
      for (const piece of [text.slice(0, cut), text.slice(cut)]) await stage.output.write(stdout, Buffer.from(piece));
      assert.equal(stage.output.denial?.message, 'No secrets here', `cut at ${cut}`);
      assert.doesNotMatch(await stage.finish(), /secret|more/, `cut at ${cut}`);
    }
  });

  it('ends there byte by byte, and nothing is shown from then on', async () => {
    const stage = new Stage(undefined, RULES);
    for (const byte of Buffer.from('it is top secret\nand more\n')) await stage.output.write(stdout, Buffer.from([byte]));
    assert.equal(await stage.finish(), 'it is top ');
  });

  it('passes unchanged when nothing in it is forbidden, and is looked at stream by stream', async () => {
    const stage = new Stage(undefined, RULES);
    await stage.output.write(stdout, Buffer.from('top \n'));
    await stage.output.write(stderr, Buffer.from('secret\n'));
    assert.equal(await stage.finish(), 'top \nsecret\n');
    assert.equal(stage.output.denial, undefined);
  });
});
