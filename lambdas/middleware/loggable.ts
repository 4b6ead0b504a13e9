import { sqlStateOf } from '../../adapters/aws-errors.ts';

/** An error as a log may hold it. */
export interface LoggedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly causes: readonly LoggedCause[];
}

/** What led to it, by what finds it again at AWS; never its message, which quotes rows. */
export interface LoggedCause {
  readonly name: string;
  readonly code?: string;
  readonly sqlState?: string;
  readonly requestId?: string;
  readonly httpStatus?: number;
}

/** Causes of causes that are named. */
const MOST_CAUSES = 5;

/** The error of a state without the values of rows: its own message has none, its causes' do. */
export function loggable(error: unknown): LoggedError {
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  return { name, message, stack, causes: causesOf(cause) };
}

function causesOf(first: unknown): readonly LoggedCause[] {
  const causes: LoggedCause[] = [];
  for (let cause = first; cause instanceof Error && causes.length < MOST_CAUSES; cause = cause.cause) {
    causes.push(causeOf(cause));
  }
  return causes;
}

function causeOf(error: Error): LoggedCause {
  const sqlState = sqlStateOf(error.message);
  const metadata = '$metadata' in error && typeof error.$metadata === 'object' ? (error.$metadata as Readonly<Record<string, unknown>> | null) : null;
  const requestId = metadata?.requestId;
  const httpStatus = metadata?.httpStatusCode;
  return {
    name: error.name,
    ...('code' in error && typeof error.code === 'string' ? { code: error.code } : {}),
    ...(sqlState === null ? {} : { sqlState }),
    ...(typeof requestId === 'string' ? { requestId } : {}),
    ...(typeof httpStatus === 'number' ? { httpStatus } : {}),
  };
}
