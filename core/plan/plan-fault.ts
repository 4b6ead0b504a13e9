/** One thing that is wrong with a plan, and where. */
export interface PlanFault {
  /** Relative to the plan's folder. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  /** What is wrong, what we got, what to do. */
  readonly message: string;
  /** The line, and under it a caret; null when there is no line to show. */
  readonly excerpt: string | null;
  /** The name in docs/hazards.md of a danger that a header may accept; left out or null for what is wrong in any case. */
  readonly hazard?: string | null;
}

/** Takes a fault as soon as it is found, so that all faults of a plan come out together. */
export type Report = (fault: PlanFault) => void;

/** A fault as a terminal shows it: `file:line:column: message`, and the line with a caret under it. */
export function describeFault(fault: PlanFault): string {
  const head = `${fault.file}:${fault.line}:${fault.column}: ${fault.message}`;
  return fault.excerpt === null ? head : `${head}\n${fault.excerpt.replace(/^/gm, '  ')}`;
}

/** A fault of a file as a whole. */
export function fileFault(file: string, message: string): PlanFault {
  return { file, line: 1, column: 1, message, excerpt: null };
}

/** plan.yaml first, then by file, line and column; the same fault once. */
export function inReadingOrder(faults: readonly PlanFault[]): readonly PlanFault[] {
  const rank = (fault: PlanFault): number => (fault.file === 'plan.yaml' ? 0 : 1);
  const sorted = faults.toSorted((a, b) => rank(a) - rank(b) || compareNaturally(a.file, b.file) || a.line - b.line || a.column - b.column);
  return sorted.filter((fault, index) => {
    const before = sorted[index - 1];
    return before === undefined || describeFault(before) !== describeFault(fault);
  });
}

/** Compares by numbers where both have one in the same place, so that 2-copy comes before 10-indexes. */
function compareNaturally(a: string, b: string): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10) || compareText(a, b);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
