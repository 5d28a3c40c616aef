// What may happen at any time, made to happen.
#include <boost/test/unit_test.hpp>

#include "simulations/seams/seeded_buggify.hpp"
#include "simulations/world/regions.hpp"
#include "tests/unit/simulations/judged.hpp"
#include "tests/unit/simulations/small_cluster.hpp"

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

scenario harmless() {
  scenario made;
  made.seed = 1;
  made.cluster = small_cluster();
  made.clients.models = {"m"};
  made.harmed = 5s;
  made.healed = 20s;
  made.draining = 8s;
  return made;
}

BOOST_AUTO_TEST_CASE(without_a_source_nothing_happens) {
  for (const buggify_description& each : all_buggify_points) BOOST_TEST(!buggify(each.which));
}

BOOST_AUTO_TEST_CASE(a_source_makes_it_happen_as_often_as_it_is_told_while_it_lives) {
  world w(1);
  uint64_t told = 0, happened = 0;
  w.history().read_by([&](const event& e) {
    BOOST_TEST(e.text("point") == "small_step");
    ++told;
  });
  {
    const seeded_buggify source(w, {{buggify_point::small_step, 0.2}});
    for (int i = 0; i < 10'000; ++i) {
      happened += buggify(buggify_point::small_step) ? 1 : 0;
      BOOST_TEST(!buggify(buggify_point::report_lost));
    }
  }
  BOOST_TEST(told == 1U);
  BOOST_TEST(happened > 1800U);
  BOOST_TEST(happened < 2200U);
  BOOST_TEST(!buggify(buggify_point::small_step));
}

BOOST_AUTO_TEST_CASE(nothing_of_it_breaks_a_promise) {
  for (const buggify_description& each : all_buggify_points) {
    BOOST_TEST_CONTEXT(each.name) {
      scenario what = harmless();
      what.cluster.deployments[0].speculation = "ngram";
      what.cluster.deployments[0].sequences_max = 4;
      what.unusual = {{each.which, 0.2}};
      // Who waits for a group is there only where none is.
      if (each.which == buggify_point::routing_late) what.faults = {{fault_kind::device_error, 1s}};
      bool happened = false;
      const outcome done = run(what, [&](const event& e) { happened = happened || e.what == "buggify.happened"; });
      check(done);
      BOOST_TEST(happened);
      BOOST_TEST(done.counts.complete > 30U);
    }
  }
}

BOOST_AUTO_TEST_SUITE(places)

BOOST_AUTO_TEST_CASE(there_is_as_far_as_back) {
  for (size_t one = 0; one < regions.size(); ++one) {
    BOOST_TEST((way_between(one, one) == 0ms));
    for (size_t other = 0; other < one; ++other) {
      BOOST_TEST((way_between(one, other) == way_between(other, one)));
      BOOST_TEST((way_between(one, other) > 30ms && way_between(one, other) < 150ms));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_cluster_in_two_regions_serves_later_but_as_well) {
  const auto first_token = [](std::vector<size_t> where) {
    scenario what = harmless();
    what.cluster.deployments[0].groups = 1;
    what.cluster.hosts.erase(what.cluster.hosts.begin());
    what.cluster.hosts.push_back({.name = "host-0"});
    what.regions = std::move(where);
    duration first{};
    const outcome done = run(what, [&](const event& e) {
      if (e.what == "stream.token" && first == duration{}) first = e.at;
    });
    check(done);
    BOOST_TEST(done.counts.failed == 0U);
    BOOST_TEST(done.counts.complete > 50U);
    return first;
  };
  // The gateway is on the second host, the group on the first: far from each other or not.
  BOOST_TEST((first_token({3, 4}) > first_token({3, 3}) + 2 * way_between(3, 4)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace troupe::simulation
