import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubeApiserver, USER } from '../../support/kubernetes/kube-apiserver.ts';
import { proveKubectl, type Speech } from './proving.ts';

const SPDY_ONLY = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };

const REVIEW = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });

/** A kubectl of before 1.30 speaks so by itself. */
const bySpdy: Speech<KubeApiserver> = {
  name: 'by SPDY',
  use: (_cluster, way) => {
    Object.assign(way.env, SPDY_ONLY);
    return () => {
      for (const name of Object.keys(SPDY_ONLY)) delete way.env[name];
    };
  },
};

/** Kubernetes' own API server, with all that it checks. */
proveKubectl<KubeApiserver>({
  start: KubeApiserver.start,
  speeches: [{ name: 'as it speaks by itself', use: () => () => undefined }, bySpdy],
  also(at, kind) {
    test('the cluster knows the client as the connection’s own user, whoever it says to be', async () => {
      const { lab, way } = at();
      const whoami = async (...said: string[]): Promise<string> => {
        const { stdout, stderr } = await lab.kubectl(
          way,
          ['create', '-f', '-', '-o', 'jsonpath={.status.userInfo.username}', ...said],
          REVIEW,
        );
        assert.equal(stderr, '');
        return stdout;
      };
      assert.equal(await whoami(), USER);
      assert.equal(await whoami('--as=system:admin', '--as-group=system:masters'), USER);
      if (kind === 'connect') assert.equal(await whoami('--token=of-my-own'), USER);
    });

    test('a change that the server checks is refused in its own words', async () => {
      const { lab, way } = at();
      const wrong = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Not A Name', namespace: 'default' } });
      const { exitCode, stderr } = await lab.kubectl(way, ['create', '--validate=false', '-f', '-'], wrong);
      assert.equal(exitCode, 1);
      assert.match(stderr, /The ConfigMap "Not A Name" is invalid: metadata\.name: Invalid value/);
    });
  },
});
