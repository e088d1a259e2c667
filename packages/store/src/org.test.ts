import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isUuid, ORG_ID, uuidV5 } from './org.ts';

describe('ids', () => {
  it('are the ones that other implementations make of the same name', () => {
    // RFC 9562, appendix A.4, has a vector for names of hosts only; these are python's uuid.uuid5(uuid.NAMESPACE_URL, ...).
    assert.equal(uuidV5('http://example.com/'), '0a300ee9-f9e4-5697-a51a-efc7fafaba67');
    assert.equal(uuidV5('agent/x/dev'), '62fdbccb-ba41-5406-b713-f23d817064f8');
  });

  it('of the organisation never change: agents would lose their connections', () => {
    assert.equal(ORG_ID, '971f5a08-004f-574b-afca-0cc5586d0b38');
  });

  it('are told apart from names', () => {
    assert.ok(isUuid(ORG_ID));
    for (const name of ['', 'dev', ORG_ID.toUpperCase(), `${ORG_ID}\n`, ` ${ORG_ID}`, ORG_ID.replaceAll('-', '')])
      assert.ok(!isUuid(name), name);
  });
});
