import { execFileSync, spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { stepgate } from './test-shell.ts';

/** What bash would offer for the words, the last of which is unfinished. */
function offered(script: string, words: readonly string[]): readonly string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const run = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _stepgate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', run], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

test.each([
  { words: ['stepgate', 'ch'], found: ['check'] },
  { words: ['stepgate', 'st'], found: ['status', 'stop'] },
  { words: ['stepgate', 're'], found: ['report'] },
  { words: ['stepgate', 'check', '--s'], found: ['--sql'] },
  { words: ['stepgate', 'execute', '--sn'], found: ['--snapshot-command'] },
  { words: ['stepgate', 'execute', 'lead'], found: ['lead-centric'] },
  { words: ['stepgate', 'local', 'p'], found: ['psql-url'] },
  { words: ['stepgate', 'local', 'up', '--de'], found: ['--demo'] },
  { words: ['stepgate', 'completion', 'z'], found: ['zsh'] },
])('bash completes $words', async ({ words, found }) => {
  const { exitCode, out } = await stepgate(['completion', 'bash']);
  expect(exitCode).toBe(0);
  expect(offered(out, words)).toEqual(found);
});

test('zsh and fish are given every verb and option', async () => {
  const zsh = (await stepgate(['completion', 'zsh'])).out;
  const fish = (await stepgate(['completion', 'fish'])).out;
  expect(zsh).toMatch(/^#compdef stepgate\n/);
  expect(zsh).toMatch(/'stop'\) found=\(.*--run.*\); plans=yes ;;/);
  expect(fish).toMatch(/^complete -c stepgate -n '__fish_use_subcommand' -f -a execute -d 'gates, snapshot/m);
  expect(fish).toMatch(/^complete -c stepgate -n '__fish_seen_subcommand_from up' -l demo -d 'fill an empty database with the plan\\'s/m);
});

const shells = (['zsh', 'fish'] as const).filter((shell) => spawnSync(shell, ['--version']).status === 0);

test.runIf(shells.length > 0).each(shells)('%s reads its script', async (shell) => {
  const { out } = await stepgate(['completion', shell]);
  expect(spawnSync(shell, ['-n'], { input: out, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

test('--version is that of the package', async () => {
  expect(await stepgate(['--version'])).toMatchObject({ exitCode: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});
