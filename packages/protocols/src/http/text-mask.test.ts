import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isText } from './text-mask.ts';

describe('a body', () => {
  const types: Readonly<Record<string, boolean>> = {
    'text/html; charset=utf-8': true,
    'application/vnd.api+json': true,
    'application/graphql-response+json': true,
    'application/x-ndjson': true,
    'image/svg+xml': true,
    'model/gltf+json': true,
    'message/rfc822': true,
    'multipart/mixed; boundary="-"': true,
    'Multipart/Related; type="application/json"': true,
    'multipart/x-mixed-replace; boundary=frame': false,
    'application/octet-stream': false,
    'application/vnd.kubernetes.protobuf': false,
    'image/png': false,
    'video/mp4': false,
  };
  for (const [type, text] of Object.entries(types)) {
    it(`of ${type} is ${text ? 'read as text' : 'passed as it is'}`, () => assert.equal(isText([['content-type', type]]), text));
  }

  it('is read as text where nothing clear is said of it', () => {
    const twice = [
      ['content-type', 'image/png'],
      ['content-type', 'text/plain'],
    ] as const;
    assert.deepEqual([isText([]), isText(twice)], [true, true]);
  });
});
