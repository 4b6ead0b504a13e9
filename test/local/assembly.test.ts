import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assemblyFolderFor, readAssembly } from '../../local/assembly.ts';

const functionOf = (hash: string) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { S3Bucket: { 'Fn::Sub': 'assets' }, S3Key: `${hash}.zip` },
    Handler: 'index.handler',
    Timeout: 120,
    Environment: { Variables: { LITERAL: 'x', ADDRESS: { Ref: 'Bucket' } } },
  },
});

function assembly(substitution: unknown, resources: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'stepgate-assembly-'));
  const machine = {
    Type: 'AWS::StepFunctions::StateMachine',
    Properties: { DefinitionString: '{"a":"${LoadPlan}"}', DefinitionSubstitutions: { LoadPlan: substitution } },
  };
  writeFileSync(join(folder, 'Stack.template.json'), JSON.stringify({ Resources: { Machine: machine, ...resources } }));
  writeFileSync(
    join(folder, 'Stack.assets.json'),
    JSON.stringify({ version: '1', files: { abc: { source: { path: 'asset.abc', packaging: 'zip' } } } }),
  );
  return folder;
}

const version = { Type: 'AWS::Lambda::Version', Properties: { FunctionName: { Ref: 'Function' } } };

test.each([
  { name: 'a version of it', substitution: { Ref: 'Version' } },
  { name: 'its ARN', substitution: { 'Fn::GetAtt': ['Function', 'Arn'] } },
  { name: 'an ARN with a qualifier', substitution: { 'Fn::Join': ['', [{ 'Fn::GetAtt': ['Function', 'Arn'] }, ':live']] } },
])('a function is found behind $name', ({ substitution }) => {
  const folder = assembly(substitution, { Function: functionOf('abc'), Version: version });
  expect(readAssembly(folder)).toEqual({
    definition: '{"a":"${LoadPlan}"}',
    functions: { LoadPlan: { folder: join(folder, 'asset.abc'), handler: 'index.handler', timeoutSeconds: 120, environment: { LITERAL: 'x' } } },
  });
});

test.each([
  {
    name: 'a placeholder that is no function',
    substitution: { Ref: 'Bucket' },
    resources: { Bucket: { Type: 'AWS::S3::Bucket' } },
    says: 'no function of the stack',
  },
  { name: 'a function without its asset', substitution: { Ref: 'Function' }, resources: { Function: functionOf('def') }, says: 'no asset' },
])('$name is refused', ({ substitution, resources, says }) => {
  expect(() => readAssembly(assembly(substitution, resources))).toThrow(says);
});

test('a folder without a state machine is refused', () => {
  expect(() => readAssembly(mkdtempSync(join(tmpdir(), 'stepgate-assembly-')))).toThrow('no template');
});

test('stacks are kept in a cache of the project, and none in the working folder', () => {
  expect(assemblyFolderFor('/data')).toBe(join(import.meta.dirname, '../../node_modules/.cache/stepgate/assembly'));
});
