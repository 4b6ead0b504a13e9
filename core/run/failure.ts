import * as z from 'zod';

/** An error as Step Functions hands it to a Catch: Cause of a Lambda error is a JSON string (Step Functions, error handling). */
export const StatesError = z.object({ Error: z.string(), Cause: z.string().default('') });
export type StatesError = z.infer<typeof StatesError>;

const LambdaCause = z.object({ errorMessage: z.string() });

export interface Failure {
  readonly error: string;
  readonly sentence: string;
}

/** Says an error in one sentence; whatever it was, something is said. */
export function failureOf(error: StatesError | null): Failure | null {
  if (error === null) {
    return null;
  }
  return { error: error.Error, sentence: messageOf(error.Cause) ?? `${error.Error}${error.Cause === '' ? '' : `: ${error.Cause}`}` };
}

function messageOf(cause: string): string | null {
  try {
    const parsed = LambdaCause.safeParse(JSON.parse(cause));
    return parsed.success ? parsed.data.errorMessage : null;
  } catch {
    // A cause that is not JSON is itself the sentence.
    return cause === '' ? null : cause;
  }
}
