import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { replaceFile } from '../../local/replace-file.ts';
import { folderError, isFullDisk, makeFolder, refuseUnreadable } from '../../local/usable-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'stepgate-folder-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
writeFileSync(join(root, 'file'), '');

test('a folder is made with those above it, and making it again is no error', () => {
  const folder = join(root, 'a', 'b', 'c');
  makeFolder(folder);
  makeFolder(folder);
  expect(statSync(folder).isDirectory()).toBe(true);
});

test.each([
  { name: 'a file', path: 'file', says: 'file is a file and no folder; choose another folder' },
  { name: 'what lies below a file', path: 'file/below/it', says: 'file is a file and no folder; choose another folder' },
])('$name is refused as a folder, to make and to read', ({ path, says }) => {
  expect(() => makeFolder(join(root, path))).toThrow(says);
  expect(() => refuseUnreadable(join(root, path))).toThrow(says);
});

test('what is not there is nothing to refuse for a reader', () => {
  expect(() => refuseUnreadable(join(root, 'none', 'at', 'all'))).not.toThrow();
});

test.runIf(process.platform === 'linux')('a place where the system keeps no folders is refused at once', () => {
  expect(() => makeFolder('/proc/stepgate/data')).toThrow('/proc/stepgate cannot be made: the system keeps no folders there; choose another folder');
});

test('a name that is too long, and a link to nothing, are refused in words', () => {
  expect(() => makeFolder(join(root, 'x'.repeat(300)))).toThrow('is longer than the system takes; choose another folder');
  symlinkSync(join(root, 'nothing'), join(root, 'link'));
  expect(() => makeFolder(join(root, 'link'))).toThrow('link is there and is no folder; choose another folder');
});

test('a folder that is closed to its user is refused in words', () => {
  const error = folderError('/data', Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' }));
  expect(error).toMatchObject({ name: 'FolderError', message: expect.stringMatching(/^\/data is not open to this user; ask its owner/) });
});

test.runIf(process.platform === 'linux')('a full disk leaves the old file whole, no draft, and one sentence', () => {
  const folder = join(root, 'full');
  mkdirSync(folder);
  replaceFile(join(folder, 'state.json'), 'old');
  // Whatever is written there meets a full disk.
  symlinkSync('/dev/full', join(folder, 'state.json.new'));
  expect(() => replaceFile(join(folder, 'state.json'), 'new')).toThrow(/^no space left for .*state\.json; free .*, or choose another folder$/);
  expect(readdirSync(folder)).toEqual(['state.json']);
});

test.each([
  { code: 'ENOSPC', message: 'x', full: true },
  { code: '53100', message: 'could not extend file', full: true },
  { code: 'XX000', message: 'PANIC: could not write: No space left on device', full: true },
  { code: 'EACCES', message: 'x', full: false },
])('$code, "$message", is a full disk: $full', ({ code, message, full }) => {
  expect(isFullDisk(Object.assign(new Error(message), { code }))).toBe(full);
});
