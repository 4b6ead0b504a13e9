/** Makes a `switch` that forgets a case fail to compile, and to run. */
export function assertNever(value: never): never {
  throw new Error(`a case is missing for ${JSON.stringify(value)}`);
}
