import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { program } from '../bin/program.ts';
import { RECOVERY } from '../core/errors.ts';
import { EXIT_INTERRUPTED, EXIT_NO_RUN, exitCode, OUTCOMES } from '../core/run/outcome.ts';
import { OUTPUTS } from '../infra/outputs.ts';
import { stateMachine } from '../infra/state-machine.asl.ts';

const ROOT = join(import.meta.dirname, '..');

/** Every page that people read, by its path in the project. */
const PAGES: ReadonlyMap<string, string> = new Map(
  ['.', 'docs', 'docs/decisions', ...folders('migrations')].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => [join(folder, name), readFileSync(join(ROOT, folder, name), 'utf8')] as const),
  ),
);

const pages = [...PAGES].map(([name, text]) => ({ name, text }));

function folders(parent: string): readonly string[] {
  const entries = readdirSync(join(ROOT, parent), { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [join(parent, entry.name)] : []));
}

function page(name: string): string {
  const text = PAGES.get(name);
  if (text === undefined) throw new Error(`there is no page ${name}`);
  return text;
}

/** What stands between backticks, in a fence, or indented by four: everything that could be typed. */
function codeOf(text: string): readonly string[] {
  const fences = [...text.matchAll(/^```.*?$(.*?)^```$/gms)].flatMap(([, code = '']) => code.split('\n'));
  const outside = text.replaceAll(/^```.*?^```$/gms, '');
  const indented = [...outside.matchAll(/^ {4,}(\S.*)$/gm)].map(([, code = '']) => code);
  const inline = [...outside.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...fences, ...indented, ...inline];
}

/** As GitHub makes a heading's anchor. */
function anchorsOf(text: string): readonly string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(pages)('the links of $name lead to files and headings that are there', ({ name, text }) => {
  const prose = text.replaceAll(/^```.*?^```$/gms, '');
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !target.startsWith('http'));
  const broken = links.filter((target) => {
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? name : join(dirname(name), file);
    if (!existsSync(join(ROOT, path))) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(join(ROOT, path), 'utf8')).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test.each(pages)('the npm scripts that $name shows are there', ({ text }) => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly scripts: Readonly<Record<string, string>> };
  const shown = codeOf(text).flatMap((line) => [...line.matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g)].map(([, script = '']) => script));
  expect(shown.filter((script) => scripts[script] === undefined)).toEqual([]);
});

test.each(pages)('the commands that $name shows are there, with their options', ({ text }) => {
  const shown = codeOf(text).flatMap((line) => [...line.matchAll(/(?:^|npx |\$\()stepgate ([a-z][^#)`;|&>]*)/g)].map(([, words = '']) => words));
  expect(shown.map(faultOf).filter((fault) => fault !== null)).toEqual([]);
});

/** Why a command line cannot be typed as it is shown; null when it can. */
function faultOf(words: string): string | null {
  const [verb = '', ...rest] = words.trim().split(/\s+/);
  const command = find(stepgate(), verb);
  const leaf = command?.commands.length ? find(command, rest[0] ?? '') : command;
  if (leaf === undefined) return `stepgate ${words.trim()}`;
  const unknown = rest.filter((word) => word.startsWith('--') && !leaf.options.some((option) => option.long === word.replace(/=.*/, '')));
  return unknown.length === 0 ? null : `stepgate ${verb}: ${unknown.join(', ')}`;
}

function find(parent: Command, name: string): Command | undefined {
  return parent.commands.find((command) => command.name() === name);
}

/** The command line, connected to nothing. */
function stepgate(): Command {
  const silent = { out: () => {}, say: () => {}, show: () => {}, isLive: false, canAsk: false, ask: async () => '' };
  return program({ terminal: silent, now: () => new Date(0), signal: new AbortController().signal }, () => {});
}

test('docs/how-it-works.md names every state of the definition', () => {
  const text = page('docs/how-it-works.md');
  expect(Object.keys(stateMachine.States).filter((state) => !text.includes(`\`${state}\``))).toEqual([]);
});

test('docs/how-it-works.md names every table and function of the ledger', () => {
  const text = page('docs/how-it-works.md');
  const ledger = [join('ledger', 'version-1.sql'), ...readdirSync(join(ROOT, 'ledger/functions')).map((name) => join('ledger/functions', name))];
  const sql = ledger.map((name) => readFileSync(join(ROOT, name), 'utf8')).join('\n');
  const made = [...sql.matchAll(/create (?:or replace function|table)(?: if not exists)? (?:stepgate\.)?([\w.]+)/g)].map(([, name = '']) => name);
  expect(made.length).toBeGreaterThan(20);
  expect(made.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

test('docs/runbook.md explains every error that leaves a function', () => {
  const text = page('docs/runbook.md');
  expect(Object.keys(RECOVERY).filter((error) => !text.includes(`| \`${error}\` |`))).toEqual([]);
});

test('README.md gives each outcome that a run can have its exit code', () => {
  const text = page('README.md');
  const rows = OUTCOMES.map((outcome) => new RegExp(`^\\| \`${outcome}\` \\|.*\\| ${exitCode(outcome, 'execute')} \\|`, 'm'));
  expect(rows.filter((row) => !row.test(text))).toEqual([]);
  expect(text).toContain(`Exit code ${EXIT_NO_RUN}: no run began`);
  expect(text).toContain(` ${EXIT_INTERRUPTED}: interrupted`);
});

test('docs/deploy.md names every prop of the construct', () => {
  const source = readFileSync(join(ROOT, 'infra/stepgate.ts'), 'utf8');
  const [, body = ''] = /interface StepgateProps \{(.*?)^\}/ms.exec(source) ?? [];
  const props = [...body.matchAll(/^ {2}readonly (\w+)/gm)].map(([, prop = '']) => prop);
  expect(props.length).toBeGreaterThan(5);
  expect(props.filter((prop) => !page('docs/deploy.md').includes(`| \`${prop}\` |`))).toEqual([]);
});

test('docs/deploy.md names every output of the stack', () => {
  const text = page('docs/deploy.md');
  expect(Object.keys(OUTPUTS).filter((output) => !text.includes(`\`Stepgate${output}\``))).toEqual([]);
});

test('every decision is listed with its title', () => {
  const list = page('docs/decisions/README.md');
  const decisions = pages
    .filter(({ name }) => /decisions\/\d/.test(name))
    .map(({ name, text }) => ({ file: name.replace('docs/decisions/', ''), text }));
  const missing = decisions.filter(({ file, text }) => {
    const [, number = '', title = ''] = /^# (\d{4}):? (.*)$/m.exec(text) ?? [];
    return !file.startsWith(number) || !list.includes(`| [${number}](${file}) | ${title} |`);
  });
  expect(missing.map(({ file }) => file)).toEqual([]);
});

test.each(pages)('$name shows no path of the machine it was written on', ({ text }) => {
  expect([...text.matchAll(/(?<![\w.])\/(?:tmp|home|root|work|Users|var)\/[^\s`]*/g)].map(([path]) => path)).toEqual([]);
});
