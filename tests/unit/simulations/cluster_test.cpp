// A whole cluster of production actors in one world.
#include <boost/test/unit_test.hpp>
#include <deque>

#include "simulations/workload/client.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

cluster_config small() {
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

struct run_of {
  explicit run_of(uint64_t seed, size_t clients = 8) : w(seed), it(w, small()) {
    w.history().read_by([this](const event& e) {
      if (e.level == log_level::error) errors.emplace_back(e.what);
    });
    for (size_t i = 0; i < clients; ++i) all.emplace_back(it, counts, habits, i + 1);
  }
  ~run_of() { w.history().read_by({}); }
  void pass(duration d) { w.run_until(w.now() + d); }

  world w;
  cluster it;
  std::vector<std::string> errors;
  client_habits habits{.models = {"m"}};
  tally counts;
  std::deque<client> all;
};

BOOST_AUTO_TEST_CASE(a_cluster_that_is_asked_to_end_finishes_its_streams_and_leaves_nothing_behind) {
  run_of r(1);
  r.pass(20s);
  // Of both hosts: the one without a gateway would otherwise take ranks away.
  for (client& each : r.all) each.stop();
  for (const char* host : {"host-0", "host-1"}) r.it.terminate_agent(host);
  r.pass(90s);
  for (client& each : r.all) BOOST_TEST(!each.is_waiting());
  BOOST_TEST(r.errors.empty());
  BOOST_TEST(r.counts.complete > 50U);
  BOOST_TEST(r.counts.failed == 0U);
  for (const char* host : {"host-0", "host-1"}) BOOST_TEST(r.it.host(host).list().empty());
}

}  // namespace
}  // namespace troupe::simulation
