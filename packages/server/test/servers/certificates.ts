import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, serverProgram, temporaryFolder } from './child-server.ts';

/** A certificate for 127.0.0.1 and an authority that signed it, made for one test. */
export type Certificates = {
  /** In PEM. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  remove(): void;
};

/** Has openssl make them. */
export function makeCertificates(): Certificates {
  const folder = temporaryFolder('tls');
  const at = (name: string): string => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    '/CN=authority of a test',
  );
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    at('key.pem'),
    '-out',
    at('cert.pem'),
    '-subj',
    '/CN=redis',
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:redis.test',
    '-addext',
    'basicConstraints=critical,CA:FALSE',
  );
  return {
    ca: readFileSync(at('ca.pem'), 'utf8'),
    cert: readFileSync(at('cert.pem'), 'utf8'),
    key: readFileSync(at('key.pem'), 'utf8'),
    certFile: at('cert.pem'),
    keyFile: at('key.pem'),
    caFile: at('ca.pem'),
    remove: () => removeFolder(folder),
  };
}

function openssl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(serverProgram('CARILLON_OPENSSL', ['openssl']), args, {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`openssl ${args[0]} failed:\n${stderr}`);
}
