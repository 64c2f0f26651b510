import { describe, expect, it } from 'vitest';
import { type RehearseFlags, readSettings } from '../../../cli/rehearse/settings.js';
import { flags } from '../rehearse/flags.js';

const read = (change: Partial<RehearseFlags>) =>
  readSettings(
    { ...flags(), ...change },
    { exampleService: '/example/service.mjs', exampleTask: '/example/chain.mjs' },
  );

describe('--ui', () => {
  it('plays the script beside the page', async () => {
    const [plain, shown] = [await read({}), await read({ ui: true })];
    expect([plain.ui, shown.ui]).toEqual([false, true]);
    expect(shown.scenario).toEqual(plain.scenario);
  });

  it('with --keep has no script of its own, and what flags ask for is still played', async () => {
    expect((await read({ ui: true, keep: true })).scenario.acts).toEqual([]);
    expect((await read({ keep: true })).scenario.acts.length).toBeGreaterThan(0);
    const asked = await read({ ui: true, keep: true, interrupt: ['1@2s'] });
    expect(asked.scenario.acts).toHaveLength(1);
  });
});
