import { describe } from 'vitest';
import { playSchedules } from './schedules.js';

/** In a file of its own, so that both cores have work. */
describe('fault schedules', () => playSchedules(101, 200));
