import { fuzzConfiguration } from '../test/fuzz/configuration.fuzz.ts';
const t=performance.now(); console.log(fuzzConfiguration(Number(process.argv[2]), Number(process.argv[3]??1))); console.log(((performance.now()-t)/1000).toFixed(1)+' s', process.memoryUsage().rss/1e6, process.resourceUsage().maxRSS/1e3);
