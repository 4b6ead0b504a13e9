import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';

// Before anything else is loaded: what is compiled once, types taken out, is not compiled by the next command.
enableCompileCache();
// A process ends only when V8 has optimized what was hot in the SQL parser: half a second for code that is not called again.
// Another version may not know the flags, and would say so on stderr.
const flags = process.versions.node.startsWith('24.') ? ['--no-wasm-dynamic-tiering', '--no-wasm-tier-up'] : [];
for (const flag of flags) setFlagsFromString(flag);
const [{ main }, { interruption, processTerminal }] = await Promise.all([import('./main.ts'), import('./shell.ts')]);

process.exitCode = await main(process.argv.slice(2), { terminal: processTerminal(), now: () => new Date(), signal: interruption() });
