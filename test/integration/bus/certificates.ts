/** Certificates for tests, made with openssl, valid for two days. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority, one nobody trusts, a server certificate for loopback, a client certificate and an expired one. */
export function certificates(folder: string) {
  const at = (name: string) => join(folder, name);
  const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'pipe' });
  for (const ca of ['ca', 'other-ca']) {
    openssl(
      ...words(`req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=${ca}`),
      '-keyout',
      at(`${ca}.key`),
      '-out',
      at(`${ca}.pem`),
    );
  }
  const names = {
    server: 'DNS:localhost,IP:127.0.0.1',
    client: 'DNS:relay.example',
    expired: 'DNS:relay.example',
  };
  for (const [role, alternatives] of Object.entries(names)) {
    const extensions = at(`${role}.ext`);
    writeFileSync(extensions, `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    openssl(
      ...words(`req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=${role}`),
      '-keyout',
      at(`${role}.key`),
      '-out',
      at(`${role}.csr`),
    );
    openssl(
      ...words(`x509 -req -days ${role === 'expired' ? -1 : 2} -CAcreateserial`),
      '-in',
      at(`${role}.csr`),
      '-CA',
      at('ca.pem'),
      '-CAkey',
      at('ca.key'),
      '-extfile',
      extensions,
      '-out',
      at(`${role}.pem`),
    );
  }
  const pair = (role: string) => ({ cert: at(`${role}.pem`), key: at(`${role}.key`) });
  return {
    ca: at('ca.pem'),
    otherCa: at('other-ca.pem'),
    server: pair('server'),
    client: pair('client'),
    expired: pair('expired'),
  };
}

function words(line: string): string[] {
  return line.split(' ');
}
