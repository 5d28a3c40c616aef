// What goes wrong in a simulated cluster, one fault at a time.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>

#include "simulations/faults/injector.hpp"
#include "tests/unit/simulations/small_cluster.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

struct harmed {
  /// How many of so many tries found something to befall.
  int cause(fault_kind kind, int tries = 40) {
    int done = 0;
    for (int i = 0; i < tries; ++i) done += faults.cause(kind) ? 1 : 0;
    return done;
  }

  world w{1};
  cluster it{w, small_cluster()};
  client_habits habits{.models = {"m"}};
  injector faults{it, habits};
};

BOOST_AUTO_TEST_CASE(nothing_is_befallen_twice_at_once) {
  using enum fault_kind;
  harmed h;
  h.w.run_until(10s);
  for (const fault_kind kind :
       {store_fails, store_answer_lost, crash_at_write, cold_start, load_burst, readers_pause, clients_leave})
    BOOST_TEST(h.cause(kind) == 1, describe(kind).name);
  // On each of two hosts, and in each of four ranks.
  BOOST_TEST(h.cause(start_fails) == 2);
  BOOST_TEST(h.cause(agent_pause) == 2);
  BOOST_TEST(h.cause(device_hang) == 4);
  for (const fault_kind kind : {agent_crash, machine_pause, machine_crash, device_error, weights_lost, device_slow})
    BOOST_TEST(h.cause(kind) == 0, describe(kind).name);
  // What adds up may come as often as it likes.
  for (const fault_kind kind : {process_pause, way_cut, host_cut, way_slow})
    BOOST_TEST(h.cause(kind) == 40, describe(kind).name);
}

BOOST_AUTO_TEST_CASE(what_one_fault_has_stopped_another_does_not_let_go) {
  harmed h;
  h.w.run_until(10s);
  std::map<std::string, int> stopped;
  int most = 0;
  h.w.history().read_by([&](const event& e) {
    if (e.what == "os.stopped") most = std::max(most, ++stopped[std::string(e.text("process"))]);
    if (e.what == "os.goes_on") --stopped[std::string(e.text("process"))];
  });
  BOOST_TEST(h.cause(fault_kind::process_pause) == 40);
  BOOST_TEST(h.cause(fault_kind::machine_pause) == 2);
  BOOST_TEST(stopped.size() == 5U);
  BOOST_TEST(most == 1);
  h.faults.heal();
  for (const auto& [name, times] : stopped) BOOST_TEST(times == 0, name);
}

BOOST_AUTO_TEST_CASE(who_dies_at_a_write_has_written_and_says_nothing_more) {
  harmed h;
  h.it.keep_agents();
  h.w.run_until(10s);
  const uint64_t before = h.it.disk("gateway-0").revision;
  duration written{}, ended{};
  std::string said;
  BOOST_TEST(h.faults.cause(fault_kind::crash_at_write));
  h.w.history().read_by([&](const event& e) {
    if (written == duration{} && h.it.disk("gateway-0").revision > before) written = e.at;
    if (e.what == "os.ended" && e.text("process") == "gateway-0") ended = e.at;
    if (written != duration{} && ended == duration{} && e.node == "gateway-0") said += e.what;
  });
  h.w.run_until(h.w.now() + 20s);
  BOOST_TEST((written != duration{} && written == ended));
  BOOST_TEST(said.empty(), said);
  // What took its place is not befallen.
  BOOST_TEST(h.it.gateway("gateway-0") != nullptr);
  BOOST_TEST(h.it.disk("gateway-0").revision > before + 1);
}

BOOST_AUTO_TEST_CASE(a_cluster_is_whole_again_when_it_is_healed) {
  harmed h;
  h.it.keep_agents();
  h.w.run_until(10s);
  for (int round = 0; round < 20; ++round) {
    for (const fault_description& each : all_faults) h.faults.cause(each.kind);
    h.w.run_until(h.w.now() + 1s);
  }
  h.faults.heal();
  BOOST_TEST(!h.faults.cause(fault_kind::store_fails));
  BOOST_TEST(!h.it.disk("gateway-0").fails);
  BOOST_TEST(!h.it.disk("gateway-0").loses_answers);
  BOOST_TEST(!h.it.disk("gateway-0").written);
  BOOST_TEST(!h.it.devices().cold);
  BOOST_TEST((h.habits.think_max == client_habits{}.think_max));
  for (const auto& [name, host] : h.it.hosts()) BOOST_TEST(!host->out_of_processes);
  h.w.run_until(h.w.now() + 90s);
  size_t processes = 0;
  for (const auto& [name, host] : h.it.hosts()) processes += host->list().size();
  BOOST_TEST(processes == 5U);
}

}  // namespace
}  // namespace troupe::simulation
