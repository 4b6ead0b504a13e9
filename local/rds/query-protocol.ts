import { RdsFault } from './fault.ts';
import type { Tag } from './state.ts';

/** An element's content; an array repeats the element, undefined leaves it out. */
export type Xml = string | number | boolean | Date | undefined | readonly Xml[] | { readonly [name: string]: Xml };

const NAMESPACE = 'http://rds.amazonaws.com/doc/2014-10-31/';

/** The parameters of an action of the AWS Query protocol; what an action does not take is refused, never passed over. */
export interface Parameters {
  text(name: string): string | undefined;
  /** @throws {RdsFault} InvalidParameterValue when it is missing. */
  required(name: string): string;
  /** 1 to 63 letters, digits and single hyphens, a letter first, no hyphen last; kept in lower case. */
  identifier(name: string): string;
  tags(): Tag[];
  /** `VpcSecurityGroupIds.VpcSecurityGroupId.1` and so on; undefined where none is sent. */
  list(name: string, member: string): string[] | undefined;
  /** Values by filter name. */
  filters(): ReadonlyMap<string, readonly string[]>;
}

/** @throws {RdsFault} when a parameter is sent that is not among `taken`; the name of a list stands for its members. */
export function readParameters(form: URLSearchParams, taken: readonly string[]): Parameters {
  for (const name of form.keys()) {
    const [base = '', ...rest] = name.split('.');
    const isTaken = taken.includes(name) || (rest.length > 1 && taken.includes(base));
    if (!isTaken && name !== 'Action' && name !== 'Version')
      throw new RdsFault('NotImplemented', `parameter ${name} is not part of the local engine; docs/parity.md lists what is`);
  }
  const text = (name: string) => form.get(name) ?? undefined;
  const required = (name: string) => {
    const value = text(name);
    if (!value) throw new RdsFault('InvalidParameterValue', `The parameter ${name} must be provided and must not be blank.`);
    return value;
  };
  return {
    text,
    required,
    identifier(name) {
      const value = required(name).toLowerCase();
      if (/^[a-z](-?[a-z0-9])*$/.test(value) && value.length <= 63) return value;
      const rule =
        'Identifiers must begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens';
      throw new RdsFault('InvalidParameterValue', `The parameter ${name} is not a valid identifier: ${value}. ${rule}, 63 characters at most.`);
    },
    tags: () => [...numbered(form, (n) => `Tags.Tag.${n}.Key`)].map((key, index) => ({ key, value: form.get(`Tags.Tag.${index + 1}.Value`) ?? '' })),
    list(name, member) {
      const found = [...numbered(form, (n) => `${name}.${member}.${n}`)];
      return found.length === 0 ? undefined : found;
    },
    filters() {
      const names = [...numbered(form, (n) => `Filters.Filter.${n}.Name`)];
      return new Map(names.map((name, index) => [name, [...numbered(form, (n) => `Filters.Filter.${index + 1}.Values.Value.${n}`)]]));
    },
  };
}

function* numbered(form: URLSearchParams, name: (n: number) => string): Generator<string> {
  for (let n = 1; ; n += 1) {
    const value = form.get(name(n));
    if (value === null) return;
    yield value;
  }
}

export function answerXml(action: string, requestId: string, result: Xml): string {
  return element(`${action}Response xmlns="${NAMESPACE}"`, { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } });
}

export function errorXml({ code, message, status }: { code: string; message: string; status: number }, requestId: string): string {
  const error = { Type: status >= 500 ? 'Receiver' : 'Sender', Code: code, Message: message };
  return element(`ErrorResponse xmlns="${NAMESPACE}"`, { Error: error, RequestId: requestId });
}

function element(tag: string, content: Xml): string {
  if (content === undefined) return '';
  if (Array.isArray(content)) return content.map((item: Xml) => element(tag, item)).join('');
  return `<${tag}>${inner(content)}</${tag.split(' ')[0]}>`;
}

function inner(content: Exclude<Xml, undefined>): string {
  if (content instanceof Date) return content.toISOString();
  if (typeof content === 'object') {
    return Object.entries(content)
      .map(([name, value]) => element(name, value))
      .join('');
  }
  return String(content).replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
