// A cluster that is small enough to be looked at: two hosts, two groups of two ranks.
#pragma once

#include "schemas/cluster_config.hpp"

namespace troupe::simulation {

inline cluster_config small_cluster() {
  cluster_config config;
  config.name = "simulated";
  for (const char* host : {"host-0", "host-1"}) config.hosts.push_back({.name = host});
  config.gateways.push_back({.name = "gateway-0", .host = "host-0"});
  deployment_config deployment;
  deployment.name = "m";
  deployment.groups = 2;
  deployment.tensor_parallel = 2;
  deployment.kv_positions = 4096;
  config.deployments.push_back(deployment);
  return config;
}

}  // namespace troupe::simulation
