import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { ALL_FUNCTIONS, FUNCTIONS, functionFile } from '../infra/functions.ts';
import { stateMachine } from '../infra/state-machine.asl.ts';

const ROOT = join(import.meta.dirname, '..');
const FOLDERS = ['bin', 'infra', 'lambdas', 'core', 'adapters', 'ledger', 'local'] as const;

function filesOf(folder: string, ending: RegExp): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file))
    .map((file) => `${folder}/${file}`)
    .sort();
}

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

const SOURCES = FOLDERS.flatMap((folder) => filesOf(folder, /(?<!\.d)\.ts$/));

interface Import {
  readonly file: string;
  /** From the project's root, or a package's name. */
  readonly target: string;
  readonly isType: boolean;
}

const IMPORTS: readonly Import[] = SOURCES.flatMap((file) =>
  [...textOf(file).matchAll(/^(?:import|export)\s+(type\s)?[^;'"]*?(?:from\s+)?'([^']+)';|import\('([^']+)'\)/gm)].map(
    ([, type, statically, lazily]) => {
      const target = statically ?? lazily ?? '';
      return { file, target: target.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), target)) : target, isType: type !== undefined };
    },
  ),
);

const topOf = (path: string) => path.split('/')[0] ?? '';

test.each([
  { folder: 'core', may: ['core'] },
  { folder: 'adapters', may: ['core', 'adapters', 'ledger'] },
  { folder: 'lambdas', may: ['core', 'adapters', 'lambdas'] },
  { folder: 'infra', may: ['core', 'infra'] },
  { folder: 'local', may: ['core', 'infra', 'local'] },
  { folder: 'bin', may: ['core', 'adapters', 'infra', 'local', 'lambdas', 'ledger', 'bin'] },
])('$folder imports $may of ours only', ({ folder, may }) => {
  const ours = IMPORTS.filter(({ file, target }) => topOf(file) === folder && (FOLDERS as readonly string[]).includes(topOf(target)));
  expect(ours.length).toBeGreaterThan(0);
  expect(ours.filter(({ target }) => !may.includes(topOf(target)))).toEqual([]);
});

test('adapters take from ledger its SQL only', () => {
  expect(IMPORTS.filter(({ file, target }) => topOf(file) === 'adapters' && topOf(target) === 'ledger' && !target.endsWith('.sql'))).toEqual([]);
});

test('the plan compiler is in no function', () => {
  const shapes = ['core/plan/compiled-plan.ts'];
  const bundled = IMPORTS.filter(
    ({ file, target, isType }) => ['lambdas', 'adapters'].includes(topOf(file)) && target.startsWith('core/plan/') && !isType,
  );
  expect(bundled.filter(({ target }) => !shapes.includes(target))).toEqual([]);
});

test('core does no I/O and has no clock, chance or environment of its own', () => {
  expect(IMPORTS.filter(({ file, target }) => topOf(file) === 'core' && target.startsWith('node:') && target !== 'node:crypto')).toEqual([]);
  expect(
    IMPORTS.filter(({ file, target }) => topOf(file) === 'core' && /^(@aws-sdk|@aws-lambda-powertools|@middy|aws-cdk-lib|pg$)/.test(target)),
  ).toEqual([]);
  const impure = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bprocess\.|\bperformance\.|\bsetTimeout\b|\bfetch\(|\brandomUUID\b|\brandomBytes\b/;
  expect(SOURCES.filter((file) => topOf(file) === 'core' && impure.test(textOf(file)))).toEqual([]);
});

test('time and chance are arguments in functions and adapters too', () => {
  const impure = /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b/;
  expect(SOURCES.filter((file) => ['lambdas', 'adapters'].includes(topOf(file)) && impure.test(textOf(file)))).toEqual([]);
});

const STATE_FILES = filesOf('lambdas', /^(?!middleware\/).*\.ts$/);

test.each(STATE_FILES)('%s has its input, its logic and its handler, and types beside them', (file) => {
  const exported = [...textOf(file).matchAll(/^export (?:async )?(const|function|class|interface|type) (\w+)/gm)].map(
    ([, kind, name]) => `${kind} ${name}`,
  );
  const pascal = (file.split('/').at(-1) ?? '').replace(/\.ts$/, '').replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
  const logic = `${pascal[0]?.toLowerCase()}${pascal.slice(1)}`;
  const values = exported.filter((one) => !/^(interface|type) /.test(one));
  expect(values).toEqual([`const ${pascal}Input`, `function ${logic}`, 'const handler']);
});

test('every Task of the definition is a function, every function a Task or a door, and each file lies where its name says', () => {
  const states = stateMachine.States as Readonly<Record<string, { readonly Type: string }>>;
  const tasks = Object.keys(states).filter((name) => states[name]?.Type === 'Task');
  const used = new Set(tasks.map((name) => (name in FUNCTIONS ? name : name.replace(/(Before|After|Source|Target)$/, ''))));
  expect([...used].toSorted()).toEqual(Object.keys(FUNCTIONS).toSorted());
  expect((Object.keys(ALL_FUNCTIONS) as (keyof typeof ALL_FUNCTIONS)[]).map(functionFile).toSorted()).toEqual(STATE_FILES);
});

test('each state has a test of its own', () => {
  const tested = filesOf('test/lambdas', /\.test\.ts$/)
    .map(textOf)
    .join('\n');
  const untested = STATE_FILES.filter((file) => !tested.includes(`${file}'`));
  expect(untested).toEqual([]);
});

test('nothing is exported by default or wholesale, and no file is a drawer', () => {
  const loose = /^export default|^export \* |^export \{[^}]*\} from/m;
  const allowed = ['ledger/sql.d.ts'];
  expect(SOURCES.filter((file) => loose.test(textOf(file)) && !allowed.includes(file))).toEqual([]);
  expect(SOURCES.filter((file) => /(^|\/)(utils?|helpers?|commons?|types|misc|shared|index)\.ts$/.test(file))).toEqual([]);
});

test('no type is any', () => {
  const code = (file: string) => textOf(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, '');
  expect(SOURCES.filter((file) => /[:<(,|&]\s*any\b(?!\()|\bas any\b/.test(code(file)))).toEqual([]);
});

test('functions and core do not know of tests and demonstrations', () => {
  const words = /--fail|\bdemo\b(?!\/)|\bvitest\b|NODE_ENV|STEPGATE_TEST/;
  expect([...filesOf('lambdas', /\.ts$/), ...filesOf('core', /\.ts$/)].filter((file) => words.test(textOf(file)))).toEqual([]);
});

test('the local engine is at most 35 % of the lines', () => {
  const lines = (folder: string) => filesOf(folder, /\.(ts|mjs|sql)$/).reduce((sum, file) => sum + textOf(file).split('\n').length, 0);
  const all = FOLDERS.reduce((sum, folder) => sum + lines(folder), 0);
  expect(lines('local') / all).toBeLessThanOrEqual(0.35);
});

test('SQL of the ledger says what it is for in its first line', () => {
  const files = filesOf('ledger', /\.sql$/);
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter((file) => !/^-- [A-Z]/.test(textOf(file)))).toEqual([]);
});
