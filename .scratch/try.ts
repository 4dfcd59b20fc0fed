import { checkConfiguration } from '../src/config/check.ts';
import { renderFindings } from '../src/config/report.ts';
const r = checkConfiguration({ file: process.argv[2]!, environment: process.env, strict: process.argv[3] === 'strict' });
console.log(renderFindings(r)); 
if (r.settings) console.log(JSON.stringify(r.settings, (k, v) => v instanceof Map ? [...v] : v, 1));
