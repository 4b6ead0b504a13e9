import { DatabaseError } from 'pg';

/** HTTP status by error name (service model of rds-data 2018-08-01; ValidationException is not in it but is sent). */
const STATUS = {
  ValidationException: 400,
  BadRequestException: 400,
  DatabaseErrorException: 400,
  DatabaseNotFoundException: 404,
  DatabaseResumingException: 400,
  DatabaseUnavailableException: 504,
  HttpEndpointNotEnabledException: 400,
  InvalidResourceStateException: 400,
  InvalidSecretException: 400,
  SecretsErrorException: 400,
  StatementTimeoutException: 400,
  TransactionNotFoundException: 404,
  UnsupportedResultException: 400,
} as const;

/** An error as the Data API answers it. */
export class Fault extends Error {
  readonly code: keyof typeof STATUS;
  readonly status: number;
  readonly endsTransaction: boolean;

  constructor(code: keyof typeof STATUS, message: string, options: ErrorOptions & { endsTransaction?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.status = STATUS[code];
    this.endsTransaction = options.endsTransaction ?? false;
  }
}

/** What the Data API makes of an error of the database or of the connection to it. */
export function toFault(error: unknown): Fault {
  if (error instanceof Fault) return error;
  if (!(error instanceof DatabaseError)) {
    return new Fault('DatabaseUnavailableException', error instanceof Error ? error.message : String(error), { cause: error });
  }
  // The only 42601 of this routine is "cannot insert multiple commands into a prepared statement".
  if (error.code === '42601' && error.routine === 'exec_parse_message') return new Fault('ValidationException', "Multistatements aren't supported");
  return new Fault('DatabaseErrorException', sqlText(error), { cause: error });
}

/** What it makes of an error while connecting: the secret, the database or the server is wrong, not a statement. */
export function toConnectionFault(error: unknown): Fault {
  const code = error instanceof DatabaseError ? error.code : undefined;
  if (error instanceof DatabaseError && code?.startsWith('28')) return new Fault('InvalidSecretException', sqlText(error), { cause: error });
  if (error instanceof DatabaseError && code === '3D000') return new Fault('DatabaseNotFoundException', sqlText(error), { cause: error });
  if (code === '57P03') return new Fault('DatabaseUnavailableException', 'the database is starting up or shutting down', { cause: error });
  return toFault(error);
}

/** The form that clients take the SQLSTATE from: `ERROR: …; Position: 8; SQLState: 42703`. */
function sqlText({ severity, message, detail, hint, position, code }: DatabaseError): string {
  const lines = [`${severity}: ${message}`, ...(detail ? [`  Detail: ${detail}`] : []), ...(hint ? [`  Hint: ${hint}`] : [])];
  return `${lines.join('\n')}${position ? `; Position: ${position}` : ''}; SQLState: ${code}`;
}
