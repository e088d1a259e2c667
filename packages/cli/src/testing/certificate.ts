import { generate } from 'selfsigned';

export interface TestCertificate {
  readonly key: string;
  /** Its own authority too. */
  readonly cert: string;
}

/** A certificate for this machine that nobody trusts unless told to. */
export async function certificateForThisMachine(): Promise<TestCertificate> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { key, cert };
}
