import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeKubernetes } from '../../support/kubernetes/fake-kubernetes.ts';
import { proveKubectl } from './proving.ts';

/** A cluster of the tests: it remembers what it heard, and can be one of before 1.30. */
proveKubectl<FakeKubernetes>({
  start: FakeKubernetes.start,
  speeches: [
    { name: 'to a cluster that knows WebSockets', use: () => () => undefined },
    {
      name: 'to a cluster that knows SPDY only',
      use: (cluster) => {
        cluster.websockets = false;
        return () => {
          cluster.websockets = true;
        };
      },
    },
  ],
  also(at, kind) {
    test('the cluster hears its own token and nothing that the client says of itself', async () => {
      const { lab, way } = at();
      const { heard } = lab.cluster;
      heard.length = 0;
      const said = ['--as=system:admin', '--as-group=system:masters', ...(kind === 'port' ? [] : ['--token=of-my-own'])];
      await lab.kubectl(way, ['get', 'pods', ...said]);
      await lab.kubectl(way, ['exec', 'web', '--as=system:admin', '--', 'true']);
      assert.ok(heard.length >= 3);
      for (const { headers } of heard) {
        assert.equal(headers.authorization, 'Bearer cluster-token');
        assert.equal(JSON.stringify(headers).includes(way.secret), false);
        const others = Object.keys(headers).filter((name) => /^(impersonate|x-forwarded|x-remote)/.test(name));
        assert.deepEqual(others, []);
      }
    });

    test('the cluster never hears of a request that is denied', async () => {
      const { lab } = at();
      const denied = await lab.way(kind, { deny: ['DELETE', '/secrets', '/exec'] });
      const { heard } = lab.cluster;
      heard.length = 0;
      await lab.kubectl(denied, ['delete', 'pod', 'web']);
      await lab.kubectl(denied, ['get', 'secrets']);
      await lab.kubectl(denied, ['exec', 'web', '--', 'true']);
      assert.ok(heard.length > 0);
      const forbidden = heard.filter(({ method, url }) => method === 'DELETE' || /secrets|exec/.test(url));
      assert.deepEqual(forbidden, []);
    });
  },
});
