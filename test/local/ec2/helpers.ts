import { describe } from '../../../local/ec2/model/describe.js';
import { createFleet } from '../../../local/ec2/model/fleet.js';
import { advance } from '../../../local/ec2/model/life.js';
import type { FleetRequest } from '../../../local/ec2/model/types.js';
import { AwsError } from '../../../local/wire/error.js';
import { fleetRequest, type World } from './world.js';

export const ALL = { instanceIds: [], filters: [], maxResults: null, nextToken: null };

export const launch = (at: World, token: string | null, more: Partial<FleetRequest> = {}) =>
  createFleet(at.model, fleetRequest(at, token, more), at.ctx());

export const launchOne = (at: World, token: string | null = null): string =>
  launch(at, token).instances[0]?.instanceIds[0] ?? '';

export function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof AwsError) return error.code;
    throw error;
  }
  return 'OK';
}

export const pass = (at: World, ms: number) => {
  at.now += ms;
  return advance(at.model, at.ctx());
};

export const states = (at: World) => describe(at.model, ALL, at.ctx()).items.map(({ state }) => state);
