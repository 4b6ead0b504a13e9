/** What stands in a message for what it quoted of the application's rows. */
export const NOT_SHOWN = '(a value, not shown)';

/** What stands for a message that a function wrote by itself. */
const NOT_TOLD = '(what a trigger or a function said, not shown)';

/** The severity, and the place in the plan that the ledger puts before a message. */
const BEGINNING = /^(?:[^\s:"]{1,20}:\s+)?(?:\S+\.sql:\d+: (?:(?:statement|check) [\w-]+: )?)?/;

/** What stands beside a message and quotes rows, keys, or statements with keys in them (PostgreSQL, error fields; pgjdbc, ServerErrorMessage). */
const QUOTING = '(?:Detail|Where|Context|Internal Query): ';
const BESIDE = new RegExp(String.raw`[\s;]+(?:${QUOTING}|(?:Hint|Position|SQLState): )`, 'i');
const END = String.raw`(?=\s*\bHint: |; Position: |; SQLState: |$)`;
const QUOTING_PARTS = new RegExp(String.raw`[\s;]+${QUOTING}[\s\S]*?${END}`, 'gi');

/** In quotation marks of any language that PostgreSQL speaks; one that is not closed was cut. */
const QUOTED_AT_ITS_END = new RegExp(String.raw`: ["“„«»][\s\S]*?${END}`);
const QUOTED = /["“„«»](?:[\s\S]*["”“»«]|[\s\S]*$)/;

/** Up to a name that is no value. */
const NAMED = /^[^"“„«»]*\b(?:encoding|parameter) "[\w.-]+"/;

const BYTES = /\b0x[0-9a-f]{2}(?: 0x[0-9a-f]{2})*/gi;

/**
 * PostgreSQL's message without the values of rows, which are the application's and stay in its database.
 *
 * Names of tables, columns, constraints and types stay, and so does what a RAISE in a statement of the plan says; elsewhere a RAISE is the
 * application's. A message without a SQLSTATE is taken for
 * one of class 22, whose messages quote values.
 */
export function withoutValues(message: string, state: string | null): string {
  const beginning = BEGINNING.exec(message)?.[0] ?? '';
  const said = message.slice(beginning.length);
  // What a value holds may look like a hint: where values are quoted, nothing but the SQLSTATE is kept from beside the message.
  const sqlState = state === null ? '' : (/; SQLState: \w{5}\s*$/i.exec(message)?.[0] ?? '');
  switch (state?.slice(0, 2) ?? '22') {
    case '22':
      // The fault of a regular expression is named, not its text.
      return beginning + (state === '2201B' ? alone(said) : dataException(alone(said))) + sqlState;
    case '23':
      return beginning + alone(said) + sqlState;
    case '2B':
      // Names of objects that depend on what cannot be dropped.
      return message;
    case 'P0':
    case '38':
    case 'XX':
      // A trigger of the application may say anything; a statement of the plan says what its author wrote.
      return beginning.includes('.sql:') ? beginning + said.replace(QUOTING_PARTS, '') : `${beginning}${NOT_TOLD}${sqlState}`;
    default:
      return beginning + said.replace(QUOTING_PARTS, '').replace(QUOTED_AT_ITS_END, `: ${NOT_SHOWN}`);
  }
}

function alone(said: string): string {
  const end = said.search(BESIDE);
  return end < 0 ? said : said.slice(0, end);
}

/** `invalid input syntax for type integer: "x"`, `value "9" is out of range for type smallint`, `date field value out of range: 2024-13-01`. */
function dataException(said: string): string {
  const colon = said.indexOf(': ');
  const quote = said.search(QUOTED);
  if (colon >= 0 && (quote < 0 || colon < quote)) {
    return `${said.slice(0, colon)}: ${NOT_SHOWN}`;
  }
  const named = NAMED.exec(said)?.[0];
  if (named !== undefined) {
    return named.replace(BYTES, NOT_SHOWN) + dataException(said.slice(named.length));
  }
  return said.replace(QUOTED, NOT_SHOWN).replace(BYTES, NOT_SHOWN);
}
