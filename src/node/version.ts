/** The version of this package, as banners and members print it. */
import { readFileSync } from 'node:fs';

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

export const flotillaVersion = version;
