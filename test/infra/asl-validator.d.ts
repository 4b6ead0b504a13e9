declare module 'asl-validator' {
  function validator(
    definition: unknown,
    options?: { readonly checkPaths?: boolean; readonly checkArn?: boolean },
  ): { readonly isValid: boolean; readonly errors: readonly { readonly Message?: string; readonly message?: string }[] };
  export = validator;
}
