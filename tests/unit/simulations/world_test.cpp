#include "simulations/world/world.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

namespace troupe::simulation {
namespace {

using namespace std::chrono_literals;

/// Three that can happen now, by the letters of their order.
std::string order_of(uint64_t seed) {
  world w(seed);
  std::string order;
  for (const char letter : {'a', 'b', 'c'}) w.soon(0, [&order, letter] { order += letter; });
  w.run_until(1s);
  return order;
}

BOOST_AUTO_TEST_CASE(the_seed_chooses_the_order_and_chooses_it_again) {
  std::set<std::string> orders;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    orders.insert(order_of(seed));
    BOOST_TEST(order_of(seed) == order_of(seed));
  }
  BOOST_TEST(orders.size() == 6U);
}

BOOST_AUTO_TEST_CASE(time_passes_when_nothing_can_happen_any_more) {
  world w(1);
  std::vector<duration> times;
  const auto note = [&] { times.push_back(w.now()); };
  w.at(3s, 0, note);
  w.after(1s, 0, [&] {
    note();
    w.soon(0, note);
    w.after(1s, 0, note);
    w.at(0s, 0, note);
  });
  w.at(5s, 0, note);
  w.run_until(4s);
  const std::vector<duration> expected{1s, 1s, 1s, 2s, 3s};
  BOOST_TEST((times == expected));
  BOOST_TEST((w.now() == 4s));
  BOOST_TEST(!w.step(4s));
  BOOST_TEST(w.step(5s));
  BOOST_TEST((w.now() == 5s));
  BOOST_TEST(!w.step(1h));
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_does_not_happen) {
  world w(1);
  const owner_number gone = w.new_owner(), stays = w.new_owner();
  std::string happened;
  for (const auto& [whose, letter] : {std::pair{gone, 'x'}, {stays, 's'}}) {
    w.soon(whose, [&happened, letter] { happened += letter; });
    w.after(1s, whose, [&happened, letter] { happened += letter; });
  }
  w.forget(gone);
  w.run_until(2s);
  BOOST_TEST(happened == "ss");
}

BOOST_AUTO_TEST_CASE(what_is_frozen_happens_when_it_is_thawed) {
  world w(1);
  const owner_number stopped = w.new_owner();
  std::vector<duration> times;
  const auto note = [&] { times.push_back(w.now()); };
  w.soon(stopped, note);
  w.freeze(stopped);
  w.soon(stopped, note);
  w.after(1s, stopped, note);
  w.after(9s, stopped, note);
  w.after(4s, 0, [&] { w.thaw(stopped); });
  w.run_until(10s);
  BOOST_TEST((times == std::vector<duration>{4s, 4s, 4s, 9s}));
}

BOOST_AUTO_TEST_CASE(what_is_frozen_twice_is_thawed_twice) {
  world w(1);
  const owner_number stopped = w.new_owner();
  bool happened = false;
  BOOST_TEST(w.freeze(stopped));
  BOOST_TEST(!w.freeze(stopped));
  w.soon(stopped, [&] { happened = true; });
  BOOST_TEST(!w.thaw(stopped));
  w.run_until(1s);
  BOOST_TEST(!happened);
  BOOST_TEST(w.thaw(stopped));
  BOOST_TEST(!w.thaw(stopped));
  w.run_until(2s);
  BOOST_TEST(happened);
}

BOOST_AUTO_TEST_CASE(one_event_may_forget_another_of_its_own) {
  world w(1);
  const owner_number it = w.new_owner();
  int happened = 0;
  for (int i = 0; i < 5; ++i) {
    w.soon(it, [&] {
      ++happened;
      w.forget(it);
    });
  }
  w.run_until(1s);
  BOOST_TEST(happened == 1);
}

uint64_t hash_of(const std::function<void(history&)>& fill) {
  history h;
  fill(h);
  return h.hash();
}

BOOST_AUTO_TEST_CASE(every_part_of_an_event_is_in_the_hash_of_a_history) {
  const std::set<uint64_t> hashes{
      hash_of([](history&) {}),
      hash_of([](history& h) { h.add(1s, "a", "up", {}); }),
      hash_of([](history& h) { h.add(2s, "a", "up", {}); }),
      hash_of([](history& h) { h.add(1s, "b", "up", {}); }),
      hash_of([](history& h) { h.add(1s, "au", "p", {}); }),
      hash_of([](history& h) { h.add(1s, "a", "down", {}); }),
      hash_of([](history& h) {
        h.add(1s, "a", "up", {{"n", 1}});
      }),
      hash_of([](history& h) {
        h.add(1s, "a", "up", {{"n", 2}});
      }),
      hash_of([](history& h) {
        h.add(1s, "a", "up", {{"m", 1}});
      }),
      hash_of([](history& h) {
        h.add(1s, "a", "up", {{"n", "one and more than eight"}});
      }),
      hash_of([](history& h) {
        h.add(1s, "a", "up", {{"n", "one and more than nine"}});
      }),
  };
  BOOST_TEST(hashes.size() == 11U);
  // The same everywhere and always: a failure is found again by it.
  BOOST_TEST(hash_of([](history& h) {
               h.add(1s, "gateway-0", "link.up", {{"to", "host-0"}, {"n", 7}});
             }) == 0xfcce5eda527fe137U);
}

BOOST_AUTO_TEST_CASE(streams_of_random_numbers_do_not_shift_each_other) {
  seeded_random one(5, drawn_by::links), other(5, drawn_by::nodes), again(5, drawn_by::links);
  std::vector<uint64_t> alone, beside;
  for (int i = 0; i < 10; ++i) alone.push_back(one.next());
  for (int i = 0; i < 10; ++i) {
    (void)other.next();
    beside.push_back(again.next());
  }
  BOOST_TEST((alone == beside));
  BOOST_TEST(seeded_random(5, drawn_by::links, 1).next() != seeded_random(5, drawn_by::links, 2).next());
  BOOST_TEST(seeded_random(5, drawn_by::links).next() != seeded_random(6, drawn_by::links).next());
}

BOOST_AUTO_TEST_CASE(numbers_are_uniform_in_their_range) {
  seeded_random random(1, drawn_by::links);
  std::vector<int> count(7);
  for (int i = 0; i < 70000; ++i) ++count.at(random.below(7));
  for (const int of_one : count) BOOST_TEST(std::abs(of_one - 10000) < 400);  // four standard deviations
  int hits = 0;
  for (int i = 0; i < 10000; ++i) hits += random.chance(0.1) ? 1 : 0;
  BOOST_TEST(std::abs(hits - 1000) < 120);
  for (int i = 0; i < 1000; ++i) {
    const auto delay = random.between(duration(3ms), duration(5ms));
    BOOST_REQUIRE((delay >= 3ms && delay <= 5ms));
  }
}

}  // namespace
}  // namespace troupe::simulation
