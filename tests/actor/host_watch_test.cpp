// A gateway's watch over its host: the test is the host.
#include "actors/host_watch/host_watch.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/actor/actor_world.hpp"

namespace troupe {
namespace {

using namespace std::chrono_literals;

struct watching : actor_world {
  peer_identity host{"h", 1, "host"};
  int drained = 0;
  host_watch_actor watch;

  watching() {
    config.supervision.orphan_timeout = 2s;
    watch = spawn_host_watch(system, env, {"h", [this] { ++drained; }});
    run();
  }
  ~watching() { caf::anon_send_exit(watch, caf::exit_reason::user_shutdown); }
};

BOOST_FIXTURE_TEST_CASE(a_gateway_whose_host_never_comes_is_drained_once, watching) {
  pass(2s);
  BOOST_TEST(drained == 0);
  pass(600ms);
  BOOST_TEST(drained == 1);
  pass(10s);
  BOOST_TEST(drained == 1);
}

BOOST_FIXTURE_TEST_CASE(it_lives_on_while_the_gateway_drains, watching) {
  const caf::actor_addr address = watch.address();
  watch = nullptr;
  pass(10s);
  BOOST_TEST(drained == 1);
  // Nothing else refers to it: an actor that waited for no message would have ended.
  watch = caf::actor_cast<host_watch_actor>(caf::actor_cast<caf::strong_actor_ptr>(address));
  BOOST_TEST(static_cast<bool>(watch));
}

BOOST_FIXTURE_TEST_CASE(a_host_that_returns_in_time_finds_its_gateway, watching) {
  for (int round = 0; round < 3; ++round) {
    post.on_up(host);
    pass(10s);
    post.on_down(host, {errc::unavailable, "killed"});
    pass(1500ms);
    BOOST_TEST(drained == 0);
  }
  post.on_up({"another", 1, "host"});
  pass(1500ms);
  BOOST_TEST(drained == 1);
}

BOOST_FIXTURE_TEST_CASE(the_watchs_own_pause_is_not_its_hosts_absence, watching) {
  post.on_up(host);
  pass(1s);
  post.on_down(host, {errc::unavailable, "the link timed out while this node was stopped"});
  time.move(1h);
  pass(1s);
  BOOST_TEST(drained == 0);
  post.on_up(host);
  pass(10s);
  BOOST_TEST(drained == 0);
}

}  // namespace
}  // namespace troupe
