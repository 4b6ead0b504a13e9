import * as z from 'zod';
import { StatementFailedError } from '../core/errors.ts';

/** A text that is not JSON, or a value of another shape than the code asks for. */
export type Misread = z.ZodError | SyntaxError;

export function isMisread(error: unknown): error is Misread {
  return error instanceof z.ZodError || error instanceof SyntaxError;
}

/** Says what was read wrongly, where and how, without what was read: a parser's own message quotes it. */
export function misreadError(error: Misread, what: string): StatementFailedError {
  const found =
    error instanceof z.ZodError ? error.issues.map(({ path, code }) => `${path.map(String).join('.') || 'the whole'}: ${code}`) : ['no JSON'];
  return new StatementFailedError(
    `${what}: the answer is not of the shape that this version reads (${found.join(', ')}); another version may have written it: deploy the version that began the run, or report this as a fault`,
    { cause: error },
  );
}
