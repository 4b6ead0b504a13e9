import { main } from './main.ts';
import { interruption, processTerminal } from './shell.ts';

process.exitCode = await main(process.argv.slice(2), { terminal: processTerminal(), now: () => new Date(), signal: interruption() });
