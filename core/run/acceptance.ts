/** What an operator types to accept differences as they are: the digest of their names. */
export const ACCEPTANCE = /^[0-9a-f]{12}$/;
