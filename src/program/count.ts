// A number with its word.

/** '3 files', '1 file' */
export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number} ${number === 1 ? one : many}`;
