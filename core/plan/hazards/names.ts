import { scanSync } from 'libpg-query';
import type { Finder } from './hazard.ts';

/** NAMEDATALEN - 1 (PostgreSQL, "Lexical Structure"). */
const MOST_BYTES = 63;

/** Names that PostgreSQL would cut off. */
export const findLongNames: Finder = ({ sql }) => {
  if (!/[^\s.,()]{64}/.test(sql) && !sql.includes('"')) return [];
  return scanSync(sql).tokens.flatMap((token) => {
    const text = token.text.startsWith('"') ? token.text.slice(1, -1).replaceAll('""', '"') : token.text;
    if (token.tokenName !== 'IDENT' || Buffer.byteLength(text) <= MOST_BYTES) return [];
    return [{ name: 'NAME_CUT', subject: `the name ${text.slice(0, 20)}…`, table: null, at: null }];
  });
};
