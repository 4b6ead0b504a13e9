import type { Loading } from './plans.ts';

/** A plan's faults and accepted hazards as workflow commands of GitHub Actions, which shows them beside their lines. */
export function annotations(result: Loading): readonly string[] {
  if (!result.ok) {
    return result.faults.map(({ file, line, column, message, hazard }) => {
      const title = hazard ?? 'does not compile';
      return command('error', { file, line, col: column, title }, message);
    });
  }
  const { plan, folder } = result.loaded;
  return plan.accepted.map(({ hazard, file, line, because }) =>
    command('notice', { file: `${folder}/${file}`, line, title: `${hazard} is accepted` }, because),
  );
}

function command(name: string, properties: Readonly<Record<string, string | number>>, message: string): string {
  const given = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
  return `::${name} ${given.join(',')}::${escapeData(message)}`;
}

/** GitHub's own rules (actions/toolkit, command.ts). */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
