/** `GenerateSecretString` of a secret, as Secrets Manager's GetRandomPassword does it. */
import { DeployError } from './errors.js';
import type { Props } from './props.js';

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const DIGITS = '0123456789';
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** `draw(n)` gives a number from 0 to n-1. @throws DeployError when no text can be made */
export function secretStringOf(props: Props, draw: (below: number) => number): string {
  const length = props.number('PasswordLength') ?? 32;
  const excluded = new Set(props.text('ExcludeCharacters') ?? '');
  const wanted: [boolean, string][] = [
    [props.boolean('ExcludeLowercase') !== true, LOWER],
    [props.boolean('ExcludeUppercase') !== true, UPPER],
    [props.boolean('ExcludeNumbers') !== true, DIGITS],
    [props.boolean('ExcludePunctuation') !== true, PUNCTUATION],
    [props.boolean('IncludeSpace') === true, ' '],
  ];
  const groups = wanted
    .filter(([included]) => included)
    .map(([, letters]) => [...letters].filter((letter) => !excluded.has(letter)))
    .filter((letters) => letters.length > 0);
  const all = groups.flat();
  const each = props.boolean('RequireEachIncludedType') ?? true;
  if (all.length === 0 || !(length >= 1 && length <= 4096) || (each && length < groups.length)) {
    throw new DeployError('TEMPLATE', "A secret can't be generated: its rules leave no text of that length.");
  }
  const letters = Array.from({ length }, (_, i) => {
    const from = each ? (groups[i] ?? all) : all;
    return from[draw(from.length)] ?? '';
  });
  // The required ones mustn't stand in front.
  for (let i = letters.length - 1; i > 0; i--) {
    const other = draw(i + 1);
    [letters[i], letters[other]] = [letters[other] ?? '', letters[i] ?? ''];
  }
  const password = letters.join('');
  const key = props.text('GenerateStringKey');
  const template = props.text('SecretStringTemplate');
  if (key === undefined || template === undefined) return password;
  try {
    return JSON.stringify({ ...(JSON.parse(template) as object), [key]: password });
  } catch (error) {
    throw new DeployError('TEMPLATE', "A secret can't be generated: SecretStringTemplate is not JSON.", null, error);
  }
}
