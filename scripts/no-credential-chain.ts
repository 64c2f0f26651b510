import type { Plugin } from 'esbuild';

/**
 * The agent brings its own credentials (environment or IMDSv2), so the SDK's chain, which drags in SSO, STS and files,
 * is left out of it: 4 MB of memory. Not for bundles that rely on the chain.
 */
export const noCredentialChain: Plugin = {
  name: 'no-credential-chain',
  setup(build) {
    build.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, () => ({
      path: 'none',
      namespace: 'no-chain',
    }));
    build.onLoad({ filter: /.*/, namespace: 'no-chain' }, () => ({
      contents: "export const defaultProvider = () => async () => { throw new Error('no credentials were given'); };",
      loader: 'js',
    }));
  },
};
