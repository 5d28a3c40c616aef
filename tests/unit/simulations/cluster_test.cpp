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

struct run {
  explicit run(uint64_t seed, size_t clients = 8) : w(seed), it(w, small()) {
    for (size_t i = 0; i < clients; ++i) all.emplace_back(it, counts, client_habits{.model = "m"}, i + 1);
  }
  void pass(duration d) { w.run_until(w.now() + d); }
  /// Nobody begins anything more; what was begun ends.
  void finish() {
    for (client& each : all) each.stop();
    pass(30s);
    for (client& each : all) BOOST_TEST(!each.is_waiting());
    for (const std::string& violation : counts.violations) BOOST_ERROR(violation);
    for (const std::string& error : it.errors()) BOOST_ERROR(error);
  }

  world w;
  cluster it;
  tally counts;
  std::deque<client> all;
};

BOOST_AUTO_TEST_CASE(a_cluster_starts_and_serves_every_stream_right) {
  run r(1);
  r.pass(30s);
  r.finish();
  BOOST_TEST_MESSAGE(r.counts.complete << " requests, " << r.counts.tokens << " tokens, " << r.w.history().count()
                                       << " events");
  BOOST_TEST(r.counts.complete > 100U);
  BOOST_TEST(r.counts.failed == 0U);
  BOOST_TEST(r.counts.complete + r.counts.left == r.counts.begun);
}

uint64_t hash_of(uint64_t seed) {
  run r(seed, 3);
  r.pass(10s);
  return r.w.history().hash();
}

BOOST_AUTO_TEST_CASE(a_seed_has_one_history) {
  for (uint64_t seed = 0; seed < 5; ++seed) BOOST_TEST(hash_of(seed) == hash_of(seed));
  BOOST_TEST(hash_of(1) != hash_of(2));
}

BOOST_AUTO_TEST_CASE(a_cluster_that_is_asked_to_end_finishes_its_streams_and_leaves_nothing_behind) {
  run r(1);
  r.pass(20s);
  // Of both hosts: the one without a gateway would otherwise take ranks away.
  for (client& each : r.all) each.stop();
  for (const char* host : {"host-0", "host-1"}) r.it.terminate_agent(host);
  r.pass(60s);
  r.finish();
  BOOST_TEST(r.counts.complete > 50U);
  BOOST_TEST(r.counts.failed == 0U);
  for (const char* host : {"host-0", "host-1"}) BOOST_TEST(r.it.host(host).list().empty());
}

BOOST_AUTO_TEST_CASE(streams_survive_the_death_of_ranks) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      run r(seed);
      seeded_random random(seed, drawn_by::faults);
      r.pass(10s);
      uint64_t killed = 0;
      for (int i = 0; i < 5; ++i) {
        machine& host = r.it.host(random.chance(0.5) ? "host-0" : "host-1");
        const auto living = host.list();
        const auto& victim = living[random.below(living.size())];
        if (victim.generation != 0 && host.end(victim.name, victim.generation, end_process::kill)) ++killed;
        r.pass(random.between(duration(1s), duration(8s)));
      }
      r.finish();
      BOOST_TEST(killed > 0U);
      BOOST_TEST(r.counts.complete > 50U);
      BOOST_TEST(r.counts.failed == 0U);
    }
  }
}

/// One process dies, stops for a while or is cut off from the gateway, or a host loses its agent for a while.
void harm(run& r, seeded_random& random) {
  const auto& hosts = r.it.hosts();
  machine& host = *std::next(hosts.begin(), static_cast<std::ptrdiff_t>(random.below(hosts.size())))->second;
  const auto living = host.list();
  switch (random.below(5)) {
    case 0:
    case 1: {
      if (living.empty()) return;
      const auto& victim = living[random.below(living.size())];
      host.end(victim.name, victim.generation, end_process::kill);
      return;
    }
    case 2: {
      if (living.empty()) return;
      const auto victim = living[random.below(living.size())];
      if (!host.stop(victim.name, victim.generation)) return;
      r.w.after(random.between(duration(100ms), duration(20s)), 0,
                [&host, victim] { host.go_on(victim.name, victim.generation); });
      return;
    }
    case 3: {
      if (living.empty()) return;
      const auto victim = living[random.below(living.size())];
      path way;
      way.open = false;
      const bool there = random.chance(0.7), back = random.chance(0.7);
      if (there) r.it.net().paths().set(victim.name, "gateway-0", way);
      if (back) r.it.net().paths().set("gateway-0", victim.name, way);
      r.it.net().ways_changed();
      r.w.after(random.between(duration(100ms), duration(10s)), 0, [&r, victim] {
        r.it.net().paths().set(victim.name, "gateway-0", {});
        r.it.net().paths().set("gateway-0", victim.name, {});
        r.it.net().ways_changed();
      });
      return;
    }
    default:
      r.it.kill_agent(host.name());
      r.w.after(random.between(duration(10ms), duration(5s)), 0, [&r, name = host.name()] { r.it.start_agent(name); });
  }
}

BOOST_AUTO_TEST_CASE(no_stream_is_wrong_whatever_dies_stops_or_is_cut_off_and_the_cluster_serves_again) {
  tally all;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    BOOST_TEST_CONTEXT("seed " << seed) {
      run r(seed);
      seeded_random random(seed, drawn_by::faults);
      r.pass(10s);
      for (int i = 0; i < 10; ++i) {
        harm(r, random);
        r.pass(random.between(duration(100ms), duration(6s)));
      }
      // All is well again: whatever waited gets its answer, and new streams are served.
      r.pass(60s);
      const uint64_t before = r.counts.complete;
      r.pass(20s);
      BOOST_TEST(r.counts.complete > before + 20);
      r.finish();
      all.complete += r.counts.complete;
      all.failed += r.counts.failed;
    }
  }
  // Those whose gateway died.
  BOOST_TEST_MESSAGE(all.complete << " requests, " << all.failed << " failed");
  BOOST_TEST(all.failed < all.complete / 100);
}

}  // namespace
}  // namespace troupe::simulation
