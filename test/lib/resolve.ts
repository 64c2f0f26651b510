/** Fills a template's intrinsic functions as a deployment would, as far as the spec and the user data use them. */
const STACK_ID = 'arn:aws:cloudformation:eu-west-1:111122223333:stack/Test/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9';

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::StackId': STACK_ID,
  'AWS::Region': 'eu-west-1',
  'AWS::AccountId': '111122223333',
  'AWS::Partition': 'aws',
};

type Resources = Readonly<Record<string, { readonly Type: string }>>;

/** What stands for a reference to a resource: something of the right form. */
const REFERENCES: Readonly<Record<string, string>> = {
  'AWS::EC2::LaunchTemplate': 'lt-0123456789abcdef0',
  'AWS::EC2::Subnet': 'subnet-0123456789abcdef0',
  'AWS::S3::Bucket': 'test-bucket',
  'AWS::SSM::Document': 'Test-Drain-1',
  'AWS::SecretsManager::Secret': 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:test-AbCdEf',
  'AWS::ElasticLoadBalancingV2::TargetGroup':
    'arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/test/6d0ecf831eec9f09',
};

const ATTRIBUTES: Readonly<Record<string, string>> = {
  'AWS::EC2::LaunchTemplate LatestVersionNumber': '7',
  'Custom::SynktiInstanceTypes InstanceTypes': '["m7g.large","m8g.large"]',
  'AWS::EC2::SecurityGroup GroupId': 'sg-0123456789abcdef0',
  'AWS::IAM::Role Arn': 'arn:aws:iam::111122223333:role/test',
  'AWS::Logs::LogGroup Arn': 'arn:aws:logs:eu-west-1:111122223333:log-group:test:*',
  'AWS::SQS::Queue Arn': 'arn:aws:sqs:eu-west-1:111122223333:test',
  'AWS::S3::Bucket Arn': 'arn:aws:s3:::test-bucket',
};

export function deployed(value: unknown, resources: Resources): string {
  const resolve = (inner: unknown): string => deployed(inner, resources);
  if (typeof value === 'string') return value;
  const [[name, argument] = ['', undefined]] = Object.entries(value as object);
  switch (name) {
    case 'Ref': {
      const found = PSEUDO[argument as string] ?? REFERENCES[resources[argument as string]?.Type ?? ''];
      if (found === undefined) throw new Error(`Nothing stands for a reference to ${argument}.`);
      return found;
    }
    case 'Fn::GetAtt': {
      const [id = '', attribute = ''] = argument as string[];
      const found = ATTRIBUTES[`${resources[id]?.Type} ${attribute}`];
      if (found === undefined) throw new Error(`Nothing stands for ${attribute} of ${id}.`);
      return found;
    }
    case 'Fn::Join':
      return (argument as [string, unknown[]])[1].map(resolve).join((argument as [string])[0]);
    case 'Fn::Select': {
      const [index, list] = argument as [number, { readonly 'Fn::Split': [string, unknown] }];
      const [separator, text] = list['Fn::Split'];
      return resolve(text).split(separator)[index] ?? '';
    }
    case 'Fn::Sub':
      return (argument as string).replace(/\$\{([^}]+)\}/g, (_all, key: string) => resolve({ Ref: key }));
    case 'Fn::Base64':
      return resolve(argument);
    default:
      throw new Error(`Unknown function ${name}.`);
  }
}
