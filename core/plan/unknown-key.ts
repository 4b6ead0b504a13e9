import { nearest } from './nearest.ts';
import { NOT_ENFORCED } from './plan-file.ts';

/** Says what is wrong with a key of plan.yaml or a header of a SQL file that is not among `allowed`. */
export function explainUnknown(what: 'key' | 'header', key: string, allowed: readonly string[]): string {
  const notYet = NOT_ENFORCED.get(key);
  if (notYet !== undefined) return `"${key}" is not enforced by this version yet: ${notYet}`;
  const near = nearest(key, allowed);
  return `unknown ${what} "${key}"; ${near === null ? '' : `did you mean "${near}"? `}allowed here: ${allowed.join(', ') || 'none'}`;
}
