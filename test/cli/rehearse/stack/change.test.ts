import { describe, expect, it } from 'vitest';
import { withDesired, withNewLaunchTemplate } from '../../../../cli/rehearse/stack/change.js';

const spec = (cluster: string, desired: number) => ({
  Type: 'AWS::SSM::Parameter',
  Properties: {
    Value: { 'Fn::Join': ['', [`{"cluster":"${cluster}","desired":${desired},"id":"`, { Ref: 'T' }, '"}']] },
  },
});
const launchTemplate = (cluster: string, data: object = {}) => ({
  Type: 'AWS::EC2::LaunchTemplate',
  Properties: {
    LaunchTemplateData: {
      ...data,
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'synkti:cluster', Value: cluster }] }],
    },
  },
});
const template = {
  Resources: { A: spec('web', 6), B: spec('batch', 2), T: launchTemplate('web'), U: launchTemplate('batch') },
};

describe("changes of a stack's template", () => {
  it('change the size of one cluster, and nothing else', () => {
    expect(withDesired(template, 'web', 9)).toEqual({ Resources: { ...template.Resources, A: spec('web', 9) } });
    expect(() => withDesired(template, 'none', 9)).toThrow("doesn't show how many nodes the cluster none has");
  });

  it('make another launch template: a larger disk where there is one, detailed monitoring where not', () => {
    const changed = withNewLaunchTemplate(template, 'batch') as typeof template;
    expect(changed.Resources.T).toEqual(template.Resources.T);
    expect(changed.Resources.U).toEqual(launchTemplate('batch', { Monitoring: { Enabled: true } }));
    const disk = (VolumeSize: number) => ({
      BlockDeviceMappings: [{ DeviceName: 'x', Ebs: { VolumeSize, Encrypted: true } }],
    });
    const withDisk = { Resources: { T: launchTemplate('web', disk(8)) } };
    const larger = withNewLaunchTemplate(withDisk, 'web') as { Resources: { T: { Properties: object } } };
    expect(larger.Resources.T.Properties).toMatchObject({ LaunchTemplateData: disk(9) });
    expect(() => withNewLaunchTemplate(template, 'none')).toThrow('no launch template of the cluster none');
  });
});
