// Words as a shell reads them: for a line that a person is told to run, or that a script evaluates.

/** The word as a POSIX shell reads it back unchanged: as it is where that is safe, else in quotes. */
export const shellWord = (text: string): string =>
  /^[A-Za-z0-9_./:@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
