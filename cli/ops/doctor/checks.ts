/** All checks, in the order in which one would ask. */
import { checkPools, checkQuotas, checkScores, checkSubnets } from './capacity-checks.js';
import type { Facts, Finding } from './facts.js';
import {
  checkContainers,
  checkFiles,
  checkGossip,
  checkImage,
  checkRights,
  checkRoles,
  checkTemplate,
} from './machine-checks.js';
import { checkCaller, checkClock, checkNodes, checkTargetGroups } from './traffic-checks.js';

const CHECKS: readonly ((facts: Facts) => Finding[])[] = [
  checkCaller,
  checkClock,
  checkNodes,
  checkPools,
  checkScores,
  checkQuotas,
  checkSubnets,
  checkRoles,
  checkTemplate,
  checkImage,
  checkFiles,
  checkContainers,
  checkRights,
  checkGossip,
  checkTargetGroups,
];

export const examine = (facts: Facts): Finding[] => CHECKS.flatMap((check) => check(facts));
