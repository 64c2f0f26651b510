import {
  CreateListenerCommand,
  CreateLoadBalancerCommand,
  CreateRuleCommand,
  CreateTargetGroupCommand,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entranceTo, requestFor } from '../../../../cli/rehearse/stack/entrance.js';
import { clientConfig } from '../../../../cli/rehearse/stage.js';
import { type LocalCloud, startLocalCloud } from '../../../../local/cloud.js';
import { type Clients, openClients } from '../../../../local/cloudformation/clients.js';

describe('a request that a rule takes', () => {
  it('fits its path, its host and its headers', () => {
    expect(requestFor([{ Field: 'path-pattern', PathPatternConfig: { Values: ['/api/*', '/v?/*'] } }])).toEqual({
      path: '/api/',
      headers: {},
    });
    expect(
      requestFor([
        { Field: 'path-pattern', Values: ['/v?/*.json'] },
        { Field: 'host-header', HostHeaderConfig: { Values: ['*.example.com'] } },
        { Field: 'http-header', HttpHeaderConfig: { HttpHeaderName: 'X-Team', Values: ['blue'] } },
        { Field: 'http-request-method', HttpRequestMethodConfig: { Values: ['POST', 'GET'] } },
      ]),
    ).toEqual({ path: '/vx/.json', headers: { host: '.example.com', 'X-Team': 'blue' } });
  });

  it('is none of other methods or conditions', () => {
    expect(() => requestFor([{ Field: 'http-request-method', HttpRequestMethodConfig: { Values: ['POST'] } }])).toThrow(
      /a condition on http-request-method, which the rehearsal's GET requests can't meet/,
    );
    expect(() => requestFor([{ Field: 'query-string' }])).toThrow(/query-string/);
  });
});

describe('the way into a stack', () => {
  const zones = [{ name: 'eu-west-1a', subnetId: 'subnet-a' }];
  let cloud: LocalCloud;
  let clients: Clients;
  beforeAll(async () => {
    cloud = await startLocalCloud({ seed: 1, region: 'eu-west-1', zones, pools: [], machine: null });
    clients = openClients(cloud);
  });
  afterAll(async () => {
    clients.close();
    await cloud.stop();
  });

  async function group(Name: string): Promise<string> {
    const { TargetGroups } = await clients.elb.send(
      new CreateTargetGroupCommand({ Name, Port: 80, Protocol: 'HTTP', VpcId: 'vpc-1' }),
    );
    return TargetGroups?.[0]?.TargetGroupArn ?? '';
  }

  it('is a listener that sends everything, or the rule of one', async () => {
    const [all, some, none] = [await group('all'), await group('some'), await group('none')];
    const { LoadBalancers } = await clients.elb.send(
      new CreateLoadBalancerCommand({ Name: 'web', Subnets: ['subnet-a'] }),
    );
    const { Listeners } = await clients.elb.send(
      new CreateListenerCommand({
        LoadBalancerArn: LoadBalancers?.[0]?.LoadBalancerArn,
        Protocol: 'HTTP',
        Port: 80,
        DefaultActions: [{ Type: 'forward', TargetGroupArn: all }],
      }),
    );
    await clients.elb.send(
      new CreateRuleCommand({
        ListenerArn: Listeners?.[0]?.ListenerArn,
        Priority: 10,
        Conditions: [{ Field: 'path-pattern', PathPatternConfig: { Values: ['/api/*'] } }],
        Actions: [{ Type: 'forward', TargetGroupArn: some }],
      }),
    );
    const url = cloud.balancers()[0]?.listeners[0]?.url;
    const config = clientConfig(cloud);
    expect(await entranceTo([all], cloud, config)).toEqual({ url, path: null, headers: {} });
    expect(await entranceTo([some], cloud, config)).toEqual({ url, path: '/api/', headers: {} });
    expect(await entranceTo([none], cloud, config)).toBeNull();
  });
});
