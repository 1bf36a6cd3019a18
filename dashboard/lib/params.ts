/** What an address may ask: every parameter has a shape, and what does not fit it counts as not asked. */

export type Params = Readonly<Record<string, string | string[] | undefined>>;

/** Read the parameters of an address as a page gets them: what is given twice is a list. */
export function paramsOf(query: URLSearchParams): Params {
  const params = new Map([...query.keys()].map((name) => [name, query.getAll(name)] as const));
  return Object.fromEntries([...params].map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

const SHAPES = {
  desk: /^[a-z0-9][a-z0-9_-]{0,31}$/,
  symbol: /^[A-Z0-9][A-Z0-9./-]{0,24}$/,
  day: /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/,
  word: /^[a-z0-9][a-z0-9_.-]{0,63}$/i,
  number: /^\d{1,12}$/,
  id: /^[A-Za-z0-9][A-Za-z0-9:_.-]{0,127}$/,
} as const;

export type Shape = keyof typeof SHAPES;

/** Read one parameter; empty where it is absent, given twice or of another shape. */
export function param(params: Params, name: string, shape: Shape): string {
  const given = params[name];
  return typeof given === "string" && SHAPES[shape].test(given) ? given : "";
}

/** Read a whole number within bounds; the fallback where it is absent or of another shape. */
export function numberParam(params: Params, name: string, fallback: number, most: number): number {
  const given = param(params, name, "number");
  return given === "" ? fallback : Math.min(most, Number(given));
}

/** Read one of a set of words; the first is the fallback. */
export function choiceParam<T extends string>(params: Params, name: string, choices: readonly [T, ...T[]]): T {
  const given = params[name];
  return choices.find((choice) => choice === given) ?? choices[0];
}

/** Write an address with some parameters changed; empty ones are left out. */
export function addressOf(path: string, params: Params, changes: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...params, ...changes }))
    if (typeof value === "string" && value !== "") query.set(name, value);
  const written = query.toString();
  return written === "" ? path : `${path}?${written}`;
}
