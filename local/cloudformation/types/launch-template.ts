import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  DeleteLaunchTemplateCommand,
  type RequestLaunchTemplateData,
  type TagSpecification,
} from '@aws-sdk/client-ec2';
import { type Call, type Handler, known, nameFor } from '../handler.js';
import type { JsonObject } from '../json.js';
import { readUserData } from '../user-data.js';

/** CloudFormation's names are those of the API, so the data goes on as it is. */
function dataOf({ props, logicalId, type }: Call): RequestLaunchTemplateData {
  const data = props.struct('LaunchTemplateData');
  const userData = data.text('UserData');
  if (userData !== undefined && isNodeTemplate(data.all)) {
    readUserData(Buffer.from(userData, 'base64').toString('utf8'), `${logicalId} (${type})`);
  }
  return data.all as RequestLaunchTemplateData;
}

/** Nodes of a cluster are to be started from it; others' templates may hold what they like. */
const isNodeTemplate = (data: JsonObject): boolean =>
  JSON.stringify(data.TagSpecifications ?? []).includes('"synkti:cluster"');

const attributesOf = (id: string, name: string, latest: number): JsonObject => ({
  LaunchTemplateId: id,
  LaunchTemplateName: name,
  LatestVersionNumber: String(latest),
  DefaultVersionNumber: '1',
});

export const launchTemplate: Handler = {
  immutable: ['LaunchTemplateName'],

  create: async (call) => {
    const { props, host } = call;
    const name = props.text('LaunchTemplateName') ?? nameFor(call, { maxLength: 128 });
    const { LaunchTemplate } = await host.clients.ec2.send(
      new CreateLaunchTemplateCommand({
        LaunchTemplateName: name,
        LaunchTemplateData: dataOf(call),
        TagSpecifications: (props.json('TagSpecifications') ?? []) as unknown as TagSpecification[],
        VersionDescription: props.text('VersionDescription'),
      }),
    );
    const id = known(LaunchTemplate?.LaunchTemplateId, 'launch template');
    return { physicalId: id, attributes: attributesOf(id, name, 1), memo: { name } };
  },

  update: async (call, before) => {
    const id = before.physicalId;
    const { LaunchTemplateVersion } = await call.host.clients.ec2.send(
      new CreateLaunchTemplateVersionCommand({
        LaunchTemplateId: id,
        LaunchTemplateData: dataOf(call),
        VersionDescription: call.props.text('VersionDescription'),
      }),
    );
    const latest = known(LaunchTemplateVersion?.VersionNumber, 'version of the launch template');
    return { physicalId: id, attributes: attributesOf(id, String(before.memo.name), latest), memo: before.memo };
  },

  remove: async ({ physicalId }, { clients }) => {
    await clients.ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateId: physicalId }));
  },
};
