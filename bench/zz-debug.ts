import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { MemberProcess } from './member-process.ts';
const { url } = await startNatsServer();
const n = 4;
const members = Array.from({ length: n }, (_, i) => new MemberProcess({ name: `relay-${i + 1}`, url }));
await Promise.all(members.map((m) => m.joined(n)));
console.log('joined');
for (const r of [12500,12500,12500,12500]) {
const m = await Promise.all(members.map((m) => m.ask('load', { keysPerSecond: r, forMs: 1000 })));
console.log(m.map((x) => x.length));
const s = await Promise.all(members.map((m) => m.ask('status', undefined)));
console.log(s);
const all = Float64Array.from(m.flatMap((x) => [...x])).sort();
console.log(r, all[Math.floor(all.length * .5)], all[Math.floor(all.length * .99)], all[0]);
}
for (const m of members) m.disconnect();
await new Promise((r)=>setTimeout(r,1500));
await stopNatsServers();
