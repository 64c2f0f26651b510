"""A web service on six spot nodes, written in Python."""

from aws_cdk import App, Duration, Stack, aws_ec2 as ec2
from synkti import CapacityOptions, FailoverOptions, HealthCheck, RebalancePolicy, SynktiCluster, Workload

app = App()
stack = Stack(app, "SynktiPython")
vpc = ec2.Vpc(stack, "Vpc", max_azs=2, nat_gateways=1)

SynktiCluster(
    stack,
    "Web",
    vpc=vpc,
    cluster_name="web",
    capacity=CapacityOptions(desired=6),
    failover=FailoverOptions(rebalance=RebalancePolicy.PRE_WARM, drain_time=Duration.seconds(90)),
    workload=Workload.container(
        image="public.ecr.aws/nginx/nginx:1.29",
        port=80,
        health_check=HealthCheck(path="/"),
    ),
)

app.synth()
