/** What time it is for everything that runs in the local engine; Wait states move it without waiting. */
export interface Clock {
  now(): Date;
}
