import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '@hoop/core/log';
import { Detection } from './detection.ts';

const detection = (env: Partial<ConstructorParameters<typeof Detection>[1]> = {}): Detection =>
  new Detection(silentLog(), { presidioUrl: undefined, mode: undefined, ...env });

describe('what masks work with', () => {
  it('is strict unless the gateway says best-effort and the agent does not say strict', () => {
    assert.equal(detection().modeOf({}), 'strict');
    assert.equal(detection({ mode: 'best-effort' }).modeOf({}), 'strict');
    assert.equal(detection().modeOf({ mode: 'best-effort' }), 'best-effort');
    assert.equal(detection({ mode: 'strict' }).modeOf({ mode: 'best-effort' }), 'strict');
  });

  it('is the agent’s own server before the one that the gateway names, and none where nobody names one', () => {
    assert.equal(detection().remoteOf({}), undefined);
    const shared = detection();
    const named = shared.remoteOf({ presidio: { url: 'http://a.test' } });
    assert.ok(named);
    assert.equal(shared.remoteOf({ presidio: { url: 'http://a.test' } }), named, 'one for all sessions');
    assert.notEqual(shared.remoteOf({ presidio: { url: 'http://b.test' } }), named);
    const own = detection({ presidioUrl: 'http://own.test' });
    assert.equal(own.remoteOf({}), own.remoteOf({ presidio: { url: 'http://a.test' } }));
  });

  it('cannot be what is no mode and no address', () => {
    assert.throws(() => detection({ mode: 'loose' }), /DLP_MODE must be/);
    for (const presidioUrl of ['presidio', 'ftp://presidio', 'http://user:secret@presidio', 'http://presidio?a=b']) {
      assert.throws(() => detection({ presidioUrl }), /MSPRESIDIO_ANALYZER_URL must be/);
    }
  });
});
