/**
 * What a connection shows to prove who it is. Files are read anew for each attempt to connect, so that rotated secrets
 * need no restart of the node.
 *
 * TLS files are named to the client library, which reads them anew for each handshake.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  type TlsOptions,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats';
import { FlotillaError } from '../core/errors.ts';
import type { BusCredentials, BusTls } from '../core/settings.ts';
import type { ServerUrl } from './server-url.ts';

/** Without it the library does not find the seed in a creds file. */
const lineEndAfterSeed = '\n';

/** All forms that are set; none is fine too. Throws FLT-1202 with the name of a file that cannot be read. */
export async function readCredentials(settings: BusCredentials, url: ServerUrl): Promise<Authenticator[]> {
  const { user = url.user, passwordFile, tokenFile, nkeySeedFile, credsFile } = settings;
  const forms: Authenticator[] = [];
  if (user !== undefined) {
    const password = passwordFile ? await secretIn(passwordFile) : (settings.password ?? url.password);
    forms.push(usernamePasswordAuthenticator(user, password ?? ''));
  }
  const token = tokenFile ? await secretIn(tokenFile) : (settings.token ?? url.token);
  if (token !== undefined) forms.push(tokenAuthenticator(token));
  if (nkeySeedFile) forms.push(nkeyAuthenticator(seedIn(nkeySeedFile, await secretIn(nkeySeedFile))));
  if (credsFile) forms.push(credsAuthenticator(bytesOf(`${await secretIn(credsFile)}${lineEndAfterSeed}`)));
  return forms;
}

/** undefined: plain text, unless the server insists on TLS; then the system's certificate authorities decide. */
export function tlsOptions(settings: BusTls | undefined, url: ServerUrl): TlsOptions | undefined {
  if (!settings && !url.tls) return undefined;
  // The library sends no server name of its own when it does not resolve names itself.
  const servername = isIP(url.host) ? {} : { servername: url.host };
  return { ...settings, ...servername } as TlsOptions;
}

async function secretIn(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new FlotillaError('FLT-1202', `cannot read ${path}: ${(error as Error).message}`, error);
  }
}

/** The seed may stand between comments or dashes, as `nk` and `nsc` write it. */
function seedIn(path: string, text: string): Uint8Array {
  const seed = /\bSU[A-Z2-7]{56}\b/.exec(text)?.[0];
  if (!seed) throw new FlotillaError('FLT-1202', `${path} holds no user nkey seed (SU...)`);
  return bytesOf(seed);
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
