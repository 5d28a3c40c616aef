// A whole cluster of production actors in one world.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <deque>

#include "simulations/workload/client.hpp"
#include "tests/unit/simulations/small_cluster.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

struct run_of {
  explicit run_of(uint64_t seed, size_t clients = 8) : w(seed), it(w, small_cluster()) {
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

BOOST_AUTO_TEST_CASE(an_agent_that_was_killed_stays_away_until_it_is_started) {
  run_of r(1);
  r.it.keep_agents();
  r.pass(10s);
  // It ends by itself, and would be started again; then it is killed.
  r.it.terminate_agent("host-1");
  r.pass(60s);
  r.it.turn_off("host-1");
  r.pass(10s);
  BOOST_TEST(!r.it.stop_agent("host-1"));
  BOOST_TEST(r.it.host("host-1").list().empty());
  r.it.start_agent("host-1");
  r.pass(20s);
  BOOST_TEST(r.it.host("host-1").list().size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_machine_that_stands_still_does_nothing_until_it_goes_on) {
  run_of r(1);
  r.pass(10s);
  machine& still = r.it.host("host-0");
  const auto running = still.list();
  const int32_t gateway = std::ranges::find(running, "gateway-0", &process_status::name)->pid;
  BOOST_TEST(still.stop(gateway));
  still.pause();
  r.pass(1s);
  still.go_on(gateway);
  const uint64_t begun = r.counts.complete;
  r.pass(1s);
  BOOST_TEST(r.counts.complete == begun);
  still.resume();
  r.pass(20s);
  BOOST_TEST(r.counts.complete > begun);
}

}  // namespace
}  // namespace troupe::simulation
