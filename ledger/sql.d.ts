/** A ledger file's text; esbuild and vitest load it as such. */
declare module '*.sql' {
  const text: string;
  export default text;
}
