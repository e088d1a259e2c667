import { generate } from 'selfsigned';

/** A certificate for this machine that is its own authority, and its key, both as PEM. */
export async function ownCertificate(name: string): Promise<{ readonly key: string; readonly cert: string }> {
  const altNames = [{ type: 7 as const, ip: '127.0.0.1' }];
  const extensions = [
    { name: 'basicConstraints' as const, cA: true },
    { name: 'subjectAltName' as const, altNames },
  ];
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], { algorithm: 'sha256', keyType: 'ec', extensions });
  return { key, cert };
}
