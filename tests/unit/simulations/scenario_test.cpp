// Whole runs, judged by all checkers.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdio>

#include "base/planted_bug.hpp"
#include "simulations/scenarios/run.hpp"
#include "tests/unit/simulations/judged.hpp"
#include "tests/unit/simulations/small_cluster.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

/// Nothing is wrong.
scenario plain(uint64_t seed) {
  scenario made;
  made.seed = seed;
  made.cluster = small_cluster();
  made.clients.models = {"m"};
  return made;
}

BOOST_AUTO_TEST_CASE(a_cluster_to_which_nothing_happens_serves_every_request) {
  const outcome done = run(plain(1));
  check(done);
  BOOST_TEST(done.counts.complete > 100U);
  BOOST_TEST(done.counts.failed == 0U);
  BOOST_TEST(done.counts.complete + done.counts.left == done.counts.begun);
}

BOOST_AUTO_TEST_CASE(a_seed_has_one_history) {
  for (uint64_t seed = 100; seed < 103; ++seed) {
    const scenario what = scenario_of(seed);
    const uint64_t hash = run(what).hash;
    BOOST_TEST(run(what).hash == hash);
    // For a test of the program, which is another build of the same.
    std::printf("history of seed %llu: %016llx\n", static_cast<unsigned long long>(seed),
                static_cast<unsigned long long>(hash));
  }
  BOOST_TEST(run(plain(1)).hash != run(plain(2)).hash);
}

BOOST_AUTO_TEST_CASE(no_fault_alone_breaks_a_promise) {
  for (const fault_description& fault : all_faults) {
    BOOST_TEST_CONTEXT(fault.name) {
      scenario what = plain(static_cast<uint64_t>(fault.kind) + 1);
      what.faults = {{fault.kind, 2s}};
      // Nothing is befallen twice at once; a fault that lasts a minute needs more than one.
      what.harmed = std::clamp<duration>(4 * fault.lasts_max, 20s, 120s);
      uint64_t begun = 0;
      const outcome done = run(what, [&](const event& e) { begun += e.what == "fault.begins" ? 1 : 0; });
      check(done);
      BOOST_TEST(begun > 3U);
      BOOST_TEST(done.counts.complete > 10U);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_stream_is_lost_when_ranks_die) {
  scenario what = plain(1);
  what.faults = {{fault_kind::device_error, 3s}, {fault_kind::device_hang, 10s}};
  const outcome done = run(what);
  check(done);
  BOOST_TEST(done.counts.failed == 0U);
}

BOOST_AUTO_TEST_CASE(no_stream_notices_that_control_is_lost_and_taken_again) {
  scenario what = plain(1);
  what.faults = {{fault_kind::store_fails, 2s}};
  uint64_t taken = 0, moved = 0;
  const outcome done = run(what, [&](const event& e) {
    taken += e.what == "controller.took_lease" ? 1 : 0;
    moved += e.what == "stream.resumed" ? 1 : 0;
  });
  check(done);
  BOOST_TEST(taken > 2U);
  BOOST_TEST(moved == 0U);
  BOOST_TEST(done.counts.failed == 0U);
}

BOOST_AUTO_TEST_CASE(no_seed_breaks_a_promise) {
  for (uint64_t seed = 0; seed < 10; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed << ": " << describe(scenario_of(seed))) check(run(scenario_of(seed)));
}

/// Streams are short and move all the time.
scenario restless(uint64_t seed) {
  scenario made = plain(seed);
  made.clients.tokens_max = 8;
  made.faults = {{fault_kind::device_error, 1s}, {fault_kind::process_crash, 1s}};
  return made;
}

/// Whether one of ten seeds shows the mistake, in what the swarm makes of it or where groups die all the time.
bool is_found(planted_bug mistake) {
  plant(mistake);
  bool found = false;
  for (uint64_t seed = 0; seed < 10 && !found; ++seed)
    found = run(scenario_of(seed)).found.count() > 0 || run(restless(seed)).found.count() > 0;
  plant(planted_bug::none);
  return found;
}

BOOST_AUTO_TEST_CASE(planted_mistakes_are_found, *boost::unit_test::enable_if<bugs_can_be_planted>()) {
  using enum planted_bug;
  for (const planted_bug mistake :
       {resume_off_by_one, lose_final_token, reseed_on_resume, end_twice, leak_pages, keep_older_ranks})
    BOOST_TEST(is_found(mistake), all_planted_bugs[static_cast<size_t>(mistake) - 1].says);
}

}  // namespace
}  // namespace troupe::simulation
