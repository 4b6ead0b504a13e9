import type { Fraction } from '../plan/compiled-plan.ts';

/** Whether enough rows are valid, by exact integers: 98.996 % is not 99 %. An empty table passes. */
export function meetsQuality(rows: { readonly valid: bigint; readonly total: bigint }, quality: Fraction): boolean {
  return rows.valid * BigInt(quality.denominator) >= rows.total * BigInt(quality.numerator);
}

/** A share for people, rounded down, so that what is shown never passes what was refused. */
export function percent(rows: { readonly valid: bigint; readonly total: bigint }): string {
  if (rows.total === 0n) {
    return '100 %';
  }
  const thousandths = (rows.valid * 100_000n) / rows.total;
  return `${thousandths / 1000n}.${(thousandths % 1000n).toString().padStart(3, '0')} %`;
}
