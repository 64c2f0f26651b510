import type { Plugin } from 'esbuild';

/**
 * Agent (environment or IMDSv2) and Lambdas (environment) bring their own credentials, so the SDK's chain, which drags
 * in SSO, STS and files, is left out of them: 4 MB of memory. Not for bundles that rely on the chain.
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
