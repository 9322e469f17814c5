// What ends the work on an input or on an item.

/** The input is none that this procedure has a verdict on (R-0.1, R-0.2, or options that cannot be). */
export class InputError extends Error {}

export class Fault extends Error {
  constructor(code, rule, details = {}) {
    super(code);
    Object.assign(this, { code, rule, details });
  }
}
