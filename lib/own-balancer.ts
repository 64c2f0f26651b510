import {
  Annotations,
  type aws_certificatemanager as acm,
  aws_ec2 as ec2,
  aws_elasticloadbalancingv2 as elbv2,
  aws_iam as iam,
  Stack,
  type aws_s3 as s3,
  Validations,
} from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { nodeTargets, type TargetOptions } from './targets.js';
import type { Workload } from './workload.js';

/** The load balancer that a cluster makes for itself. */
export interface OwnBalancerOptions extends TargetOptions {
  /**
   * Whether it has public addresses and takes requests from everywhere. Otherwise it takes them from its VPC.
   *
   * @default false
   */
  readonly internetFacing?: boolean;
  /**
   * Certificates for HTTPS on port 443; requests to port 80 are then sent there.
   *
   * @default - plain HTTP on port 80
   */
  readonly certificates?: acm.ICertificate[];
}

interface OwnBalancerProps extends OwnBalancerOptions {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly workload: Workload;
  readonly logBucket: s3.Bucket;
}

/** An Application Load Balancer, its listener, and the target group that the agents register their nodes in. */
export class OwnBalancer extends Construct {
  readonly loadBalancer: elbv2.ApplicationLoadBalancer;
  readonly listener: elbv2.ApplicationListener;
  readonly targetGroup: elbv2.ApplicationTargetGroup;

  constructor(scope: Construct, id: string, props: OwnBalancerProps) {
    super(scope, id);
    const internetFacing = props.internetFacing ?? false;
    this.loadBalancer = new elbv2.ApplicationLoadBalancer(this, 'Balancer', {
      vpc: props.vpc,
      internetFacing,
      vpcSubnets: internetFacing ? { subnetType: ec2.SubnetType.PUBLIC } : props.subnets,
      dropInvalidHeaderFields: true,
    });
    this.targetGroup = nodeTargets(this, 'Targets', props.vpc, props.workload, props);
    this.listener = this.#listen(props, internetFacing);
    this.#log(props.logBucket);
  }

  #listen(props: OwnBalancerProps, internetFacing: boolean): elbv2.ApplicationListener {
    const certificates = props.certificates ?? [];
    const secure = certificates.length > 0;
    const listener = this.loadBalancer.addListener('Listener', {
      protocol: secure ? elbv2.ApplicationProtocol.HTTPS : elbv2.ApplicationProtocol.HTTP,
      open: false,
      defaultTargetGroups: [this.targetGroup],
      ...(secure ? { certificates, sslPolicy: elbv2.SslPolicy.RECOMMENDED_TLS } : {}),
    });
    const from = internetFacing ? ec2.Peer.anyIpv4() : ec2.Peer.ipv4(props.vpc.vpcCidrBlock);
    listener.connections.allowDefaultPortFrom(from, 'Requests');
    if (secure) {
      const redirect = this.loadBalancer.addRedirect({ open: false });
      redirect.connections.allowDefaultPortFrom(from, 'Requests to be sent to HTTPS');
    }
    Validations.of(this.loadBalancer).acknowledge({
      id: 'AwsSolutions-EC23',
      reason: internetFacing
        ? 'The app asked for a balancer that faces the Internet; only the ports of its listeners are open.'
        : "Only the VPC's own addresses are let in, which cdk-nag can't read when the VPC is of the same stack.",
    });
    if (internetFacing && !secure) {
      Annotations.of(this).addWarningV2(
        'synkti:plainHttp',
        'The load balancer faces the Internet with plain HTTP. Give LoadBalancing.ownBalancer() a certificate.',
      );
    }
    return listener;
  }

  /** Not by `logAccessLogs`: that one needs to know the Region at synth. */
  #log(bucket: s3.Bucket): void {
    const prefix = `balancer/${this.node.addr.slice(-8)}`;
    bucket.addToResourcePolicy(
      new iam.PolicyStatement({
        principals: [new iam.ServicePrincipal('logdelivery.elasticloadbalancing.amazonaws.com')],
        actions: ['s3:PutObject'],
        resources: [bucket.arnForObjects(`${prefix}/AWSLogs/${Stack.of(this).account}/*`)],
      }),
    );
    this.loadBalancer.setAttribute('access_logs.s3.enabled', 'true');
    this.loadBalancer.setAttribute('access_logs.s3.bucket', bucket.bucketName);
    this.loadBalancer.setAttribute('access_logs.s3.prefix', prefix);
    // The balancer checks at creation that it may write.
    if (bucket.policy !== undefined) this.loadBalancer.node.addDependency(bucket.policy);
  }
}
