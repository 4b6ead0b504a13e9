import { startPostgres } from '../../../local/postgres/server.ts';

// A process that holds a server, for tests that kill it: prints the server's address, then lives until it is killed.
const { pid, port } = await startPostgres({ dataFolder: process.argv[2] ?? '' });
process.stdout.write(`${JSON.stringify({ pid, port })}\n`);
setInterval(() => undefined, 60_000);
