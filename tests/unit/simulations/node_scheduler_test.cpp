#include "simulations/world/node_scheduler.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

/// A node of nothing but an actor system. Its actors must have ended before it does: CAF waits for them.
struct node {
  explicit node(world& w) : whose(w.new_owner()), config(w, clock, whose), system(config) {}
  machine_clock clock;
  owner_number whose;
  node_actor_config config;
  caf::actor_system system;
};

/// Notes what it is told, and tells it on after its delay.
struct noting_state {
  explicit noting_state(caf::event_based_actor* self, world& w, std::string name, caf::actor next, duration delay)
      : self_(self), world_(w), name_(std::move(name)), next_(std::move(next)), delay_(delay) {}
  caf::behavior make_behavior() {
    return {[this](int64_t number) {
      world_.note(name_, "told", {{"number", number}});
      if (next_) caf::delayed_anon_send(next_, delay_, number);
    }};
  }
  caf::event_based_actor* self_;
  world& world_;
  std::string name_;
  caf::actor next_;
  duration delay_;
};
using noting = caf::stateful_actor<noting_state>;

struct told {
  duration at;
  std::string node;
  int64_t number;
};

std::vector<told> run(uint64_t seed) {
  world w(seed);
  std::vector<told> all;
  w.history().read_by([&](const event& e) {
    all.push_back({e.at, std::string(e.node), std::get<int64_t>(e.fields.begin()->value)});
  });
  node a(w), b(w);
  auto last = b.system.spawn<noting>(w, "b", caf::actor{}, duration{});
  auto first = a.system.spawn<noting>(w, "a", last, duration(2s));
  for (int64_t i = 0; i < 3; ++i) {
    caf::anon_send(first, i);
    caf::anon_send(last, 10 + i);
  }
  w.run_until(1min);
  for (const auto& actor : {first, last}) caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  w.run_until(2min);
  return all;
}

std::string nodes_of(const std::vector<told>& all) {
  std::string text;
  for (const told& t : all) text += t.node;
  return text;
}

BOOST_AUTO_TEST_CASE(actors_of_all_nodes_take_turns_as_the_seed_chooses_in_virtual_time) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto all = run(seed);
    BOOST_REQUIRE(all.size() == 9U);
    orders.insert(nodes_of(all));
    BOOST_TEST(nodes_of(all) == nodes_of(run(seed)));
    // One mailbox keeps its order, whatever else happens; what was delayed comes two seconds later.
    std::vector<int64_t> of_a;
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].node == "a") of_a.push_back(all[i].number);
      BOOST_TEST((all[i].at == (i < 6 ? 0s : 2s)));
    }
    BOOST_TEST((of_a == std::vector<int64_t>{0, 1, 2}));
  }
  BOOST_TEST(orders.size() > 5U);
}

BOOST_AUTO_TEST_CASE(actors_of_a_forgotten_node_can_still_end) {
  world w(1);
  auto gone = std::make_unique<node>(w);
  auto actor = gone->system.spawn<noting>(w, "gone", caf::actor{}, duration{});
  caf::anon_send(actor, int64_t{1});
  w.forget(gone->whose);
  w.run_until(1s);
  BOOST_TEST(w.history().count() == 0U);
  caf::anon_send_exit(actor, caf::exit_reason::kill);
  actor = nullptr;
  dynamic_cast<node_scheduler&>(gone->system.scheduler()).run_all();
  gone.reset();
  w.run_until(2s);
}

}  // namespace
}  // namespace troupe::simulation
