import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';

/** Makes the process that starts believe that it is an older Node. */
const OLDER = ['--import', `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})`];
const hasOwnNode = existsSync(`node_modules/node-${process.platform}-${process.arch}/bin/node`);

async function run(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output: output.join('') })));
}

test.runIf(hasOwnNode)('an older Node hands over to the one that npm installed, with arguments and exit code', async () => {
  expect(await run([...OLDER, 'bin/stepgate.mjs', 'check', 'shop', '--plans', 'test/support/plans'])).toMatchObject({
    code: 0,
    output: expect.stringContaining('plan shop compiles'),
  });
  expect(await run([...OLDER, 'bin/stepgate.mjs', 'chek'])).toMatchObject({ code: 1, output: expect.stringContaining("unknown command 'chek'") });
});

test('Node 24 runs the command line itself', async () => {
  expect(await run(['bin/stepgate.mjs', 'check', '--plans', 'test/support/broken-plans'])).toMatchObject({ code: 1 });
});

test('an older Node without one beside it says what to install', async () => {
  const elsewhere = `data:text/javascript,Object.defineProperty(process,'arch',{value:'none'})`;
  const { code, output } = await run([...OLDER, '--import', elsewhere, 'bin/stepgate.mjs', 'check']);
  expect(code).toBe(1);
  expect(output).toMatch(/^stepgate needs Node 24, this is 20\.1\.0; install it/);
});

test('a program that npm did not install is refused', async () => {
  expect(await run(['bin/with-node-24.mjs', 'nothing'])).toMatchObject({ code: 1, output: expect.stringContaining('has no program "nothing"') });
});
