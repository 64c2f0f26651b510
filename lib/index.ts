export * from './capacity.js';
export * from './cluster.js';
export * from './load-balancing.js';
export * from './workload.js';
