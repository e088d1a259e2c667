import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CHANNELS_MAX } from './limits.ts';
import { encodeMessage, MESSAGE } from './messages.ts';
import { WindowAdjusts } from './window-adjusts.ts';

const adjust = (channel: number, amount: number): Buffer => encodeMessage(MESSAGE.windowAdjust, channel, amount);
const eof = encodeMessage(MESSAGE.eof, 1);

describe('what a side gives of its windows', () => {
  it('becomes one message a channel, and no byte of it is lost', () => {
    const adjusts = new WindowAdjusts();
    assert.deepEqual(adjusts.gather([adjust(1, 5), adjust(2, 7)]), []);
    assert.deepEqual(adjusts.gather([adjust(1, 6)]), []);
    assert.deepEqual(adjusts.release(), [adjust(1, 11), adjust(2, 7)]);
    assert.deepEqual(adjusts.release(), []);
  });

  it('is never overtaken by what was said after it', () => {
    const adjusts = new WindowAdjusts();
    adjusts.gather([adjust(1, 5)]);
    assert.deepEqual(adjusts.gather([eof, adjust(1, 6)]), [adjust(1, 5), eof, adjust(1, 6)]);
    assert.equal(adjusts.size, 0);
  });

  it('is more than a message can say, and goes in two', () => {
    const adjusts = new WindowAdjusts();
    adjusts.gather([adjust(1, 0xffff_ffff)]);
    assert.deepEqual(adjusts.gather([adjust(1, 1)]), [adjust(1, 1)]);
    assert.deepEqual(adjusts.release(), [adjust(1, 0xffff_ffff)]);
  });

  it('is not kept for more channels than there may be', () => {
    const adjusts = new WindowAdjusts();
    const messages = Array.from({ length: CHANNELS_MAX + 1 }, (_, channel) => adjust(channel, 1));
    assert.deepEqual(adjusts.gather(messages), messages);
    assert.equal(adjusts.size, 0);
  });
});
