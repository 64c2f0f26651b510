/** Physical names, as CloudFormation makes them up. */

export interface NameRules {
  readonly maxLength: number;
  readonly lowerCase?: boolean;
}

/**
 * `<stack>-<logical id>-<suffix>`, cut to fit: the suffix stays whole, the two others get what is left, the logical id
 * at least half of it.
 */
export function physicalName(stackName: string, logicalId: string, suffix: string, rules: NameRules): string {
  const room = rules.maxLength - suffix.length - 2;
  const half = Math.floor(room / 2);
  const stack = stackName.slice(0, Math.max(half, room - logicalId.length));
  const name = `${stack.replace(/-$/, '')}-${logicalId.slice(0, room - stack.length)}-${suffix}`;
  return rules.lowerCase === true ? name.toLowerCase() : name;
}

/** `prefix-` and 17 hexadecimal digits, as EC2's ids. */
export const resourceId = (prefix: string, hex: string): string => `${prefix}-${hex.slice(0, 17)}`;
