/** The system's or OpenSSL's code of an error, from however deep it lies; the error's name where there is none. */
export function codeOf(error: unknown): string {
  for (let e = error; e instanceof Error; e = e.cause) {
    const { code } = e as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
    // A name with several addresses fails with one error for each.
    const { errors } = e as AggregateError;
    if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  }
  return error instanceof Error ? error.name : 'unknown';
}
