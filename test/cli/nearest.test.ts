import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest, suggestion } from '../../cli/nearest.js';

describe('nearest names', () => {
  it.each([
    ['rehearsl', ['rehearsal', 'web'], ['rehearsal']],
    ['wbe', ['web', 'batch'], ['web']],
    ['web', ['web-prod', 'web-test', 'batch'], ['web-prod', 'web-test']],
    ['zzz', ['web', 'batch'], []],
    ['', ['web'], []],
  ])('of %j among %j: %j', (wanted, names, expected) => {
    expect(nearest(wanted, names)).toEqual(expected);
  });

  it('a name with one slip is always found', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z]{4,20}$/),
        fc.nat(19),
        fc.constantFrom('drop', 'double', 'replace'),
        (name, at, slip) => {
          const i = at % name.length;
          const rest = name.slice(i + 1);
          const middle = { drop: '', double: `${name[i]}${name[i]}`, replace: '9' }[slip];
          expect(nearest(name.slice(0, i) + middle + rest, [name])).toEqual([name]);
        },
      ),
    );
  });

  it('is told in a sentence', () => {
    expect(suggestion('wbe', ['web'])).toBe(' Did you mean "web"?');
    expect(suggestion('web', ['web-a', 'web-b'])).toBe(' Did you mean "web-a" or "web-b"?');
    expect(suggestion('x', [])).toBe('');
  });
});
