#include "schemas/cluster_config_rules.hpp"

#include <boost/test/unit_test.hpp>

namespace troupe {
namespace {

cluster_config valid() {
  cluster_config config;
  config.hosts = {{.name = "a"}};
  config.gateways = {{.name = "g", .host = "a"}};
  deployment_config deployment;
  deployment.name = "m";
  config.deployments = {deployment};
  return config;
}

std::string problem(const cluster_config& config) {
  auto found = check_cluster_config(config);
  return found ? found->key + ": " + found->rule : "none";
}

BOOST_AUTO_TEST_CASE(accepts_a_valid_configuration) { BOOST_TEST(problem(valid()) == "none"); }

BOOST_AUTO_TEST_CASE(refuses_node_names_used_twice) {
  auto config = valid();
  config.gateways[0].name = "a";
  BOOST_TEST(problem(config) == "gateways[0].name: a is taken by hosts[0].name");
  config = valid();
  config.hosts.push_back(config.hosts[0]);
  BOOST_TEST(problem(config) == "hosts[1].name: a is taken by hosts[0].name");
}

BOOST_AUTO_TEST_CASE(refuses_model_names_used_twice) {
  auto config = valid();
  config.deployments[0].aliases = {"x", "m"};
  BOOST_TEST(problem(config) == "deployments[0].aliases[1]: m is taken by deployments[0].name");
}

BOOST_AUTO_TEST_CASE(refuses_node_names_that_are_somebody_elses) {
  auto config = valid();
  config.gateways[0].name = "ctl";
  BOOST_TEST(problem(config) == "gateways[0].name: ctl is reserved");
  config = valid();
  config.hosts[0].name = config.gateways[0].host = "authority";
  BOOST_TEST(problem(config) == "hosts[0].name: authority is reserved");
  config = valid();
  config.deployments[0].groups = config.deployments[0].tensor_parallel = 2;
  config.gateways[0].name = "m-g1-r1";
  BOOST_TEST(problem(config) == "gateways[0].name: m-g1-r1 is the name of a rank of deployment m");
  for (const char* free : {"m-g2-r0", "m-g0-r2", "m-g01-r0", "m-g0-r0x", "m-g"}) {
    config.gateways[0].name = free;
    BOOST_TEST(problem(config) == "none", free);
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_name_whose_ranks_no_certificate_could_name) {
  auto config = valid();
  config.deployments[0].name = std::string(58, 'm');
  config.deployments[0].groups = 10;
  BOOST_TEST(problem(config) == "none");  // 58 and "-g9-r0" are 64
  config.deployments[0].groups = 11;
  BOOST_TEST(problem(config) == "deployments[0].name: is too long: its ranks are nodes, " + std::string(58, 'm') +
                                    "-g10-r0 has 65 bytes of at most 64");
}

BOOST_AUTO_TEST_CASE(refuses_a_second_gateway) {
  auto config = valid();
  config.gateways.push_back({.name = "h", .host = "a", .http_port = 8081});
  BOOST_TEST(problem(config) == "gateways[1]: this version runs one gateway in a cluster; remove this one");
}

BOOST_AUTO_TEST_CASE(refuses_references_to_unknown_hosts) {
  auto config = valid();
  config.deployments[0].hosts = {"a", "b"};
  BOOST_TEST(problem(config) == "deployments[0].hosts[1]: there is no host b");
  config.deployments[0].hosts = {"a", "a"};
  BOOST_TEST(problem(config) == "deployments[0].hosts[1]: a is taken by deployments[0].hosts[0]");
  config = valid();
  config.gateways[0].host = "b";
  BOOST_TEST(problem(config) == "gateways[0].host: there is no host b");
}

BOOST_AUTO_TEST_CASE(refuses_addresses_used_twice) {
  auto config = valid();
  config.hosts[0].port = 8080;
  BOOST_TEST(problem(config) == "gateways[0].httpPort: 127.0.0.1 port 8080 is taken by hosts[0].port");
  config.hosts[0].address = "127.0.0.2";
  BOOST_TEST(problem(config) == "none");
}

BOOST_AUTO_TEST_CASE(several_hosts_need_known_ports) {
  auto config = valid();
  config.hosts.push_back({.name = "b", .port = 2});
  BOOST_TEST(problem(config) == "hosts[0].port: must not be 0: other hosts have to know it");
  config.hosts[0].port = 1;
  BOOST_TEST(problem(config) == "gateways[0].port: must not be 0: other hosts have to know it");
  config.gateways[0].port = 3;
  BOOST_TEST(problem(config) == "none");
}

BOOST_AUTO_TEST_CASE(ranks_fit_the_reduction_tree) {
  auto config = valid();
  for (uint32_t tp : {1U, 2U, 4U, 8U}) {
    config.deployments[0].tensor_parallel = tp;
    BOOST_TEST(problem(config) == "none");
  }
  for (uint32_t tp : {0U, 3U, 6U, 16U}) {
    config.deployments[0].tensor_parallel = tp;
    BOOST_TEST(problem(config) == "deployments[0].tensorParallel: must be 1, 2, 4 or 8, not " + std::to_string(tp));
  }
}

BOOST_AUTO_TEST_CASE(a_group_over_several_hosts_has_as_many_ranks_on_each_at_addresses_that_others_reach) {
  auto config = valid();
  config.hosts = {{"a", "10.0.0.1", 1}, {"b", "fd00::2", 2}, {"c", "c.example", 3}};
  config.gateways[0].port = 4;
  auto& deployment = config.deployments[0];
  deployment.tensor_parallel = 4;
  deployment.hosts = {"a", "b"};
  for (uint32_t hosts : {1U, 2U}) {
    deployment.hosts_per_group = hosts;
    BOOST_TEST(problem(config) == "none");
  }
  for (uint32_t hosts : {0U, 3U, 8U}) {
    deployment.hosts_per_group = hosts;
    BOOST_TEST(problem(config) == "deployments[0].hostsPerGroup: must divide tensorParallel, which is 4");
  }
  deployment.hosts_per_group = 4;
  BOOST_TEST(problem(config) == "deployments[0].hostsPerGroup: must be at most the number of its hosts, which is 2");
  deployment.hosts_per_group = 2;
  deployment.hosts = {};
  const std::string rule = ": must be an IPv4 or IPv6 address that other hosts reach: the ranks of m listen there";
  BOOST_TEST(problem(config) == "hosts[2].address" + rule);
  for (const char* address : {"0.0.0.0", "::", "fe80::1%eth0", "localhost"}) {
    config.hosts[1].address = address;
    BOOST_TEST(problem(config) == "hosts[1].address" + rule, address);
  }
}

BOOST_AUTO_TEST_CASE(refuses_limits_that_contradict_each_other) {
  auto config = valid();
  config.deployments[0].step_tokens_max = 31;
  BOOST_TEST(problem(config) == "deployments[0].stepTokensMax: must be at least sequencesMax, which is 32");
  config = valid();
  config.transport.queue_bytes_max = 1;
  BOOST_TEST(problem(config).starts_with("transport.queueBytesMax: must be at least frameBytesMax"));
  config = valid();
  config.supervision.restart_delay = std::chrono::milliseconds(5001);
  BOOST_TEST(problem(config).starts_with("supervision.restartDelayMaxMs: must be at least restartDelayMs"));
  config = valid();
  config.supervision.heartbeat_timeout = std::chrono::milliseconds(399);
  BOOST_TEST(problem(config).starts_with("supervision.heartbeatTimeoutMs: must be at least twice heartbeatIntervalMs"));
}

}  // namespace
}  // namespace troupe
