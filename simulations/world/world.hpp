// The world of a simulation: one thread, one virtual time, one seed. Whatever can happen next is known to it, and the
// seed chooses which of that does: two events of the same moment, on two nodes, come in either order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "simulations/world/history.hpp"
#include "simulations/world/seeded_random.hpp"

namespace troupe::simulation {

/// Whose an event is; 0: the world's own.
using owner_number = uint32_t;

class world {
 public:
  using action = std::function<void()>;

  explicit world(uint64_t seed) : seed_(seed), choices_(seed, drawn_by::order) {}
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  uint64_t seed() const { return seed_; }
  /// Since the beginning.
  duration now() const { return now_; }
  troupe::simulation::history& history() { return history_; }
  void note(std::string_view node, std::string_view what, std::initializer_list<log_field> fields = {},
            log_level level = log_level::info) {
    history_.add(now_, node, what, fields, level);
  }

  /// A new number, never given before.
  owner_number new_owner() { return ++owners_; }

  /// Can happen from now on. In its turn, among what can happen then.
  void soon(owner_number whose, action what);
  /// Can happen from then on; at once where that is past.
  void at(duration when, owner_number whose, action what);
  void after(duration delay, owner_number whose, action what) { at(now_ + delay, whose, std::move(what)); }
  /// Nothing of its that is planned happens any more.
  void forget(owner_number whose);
  /// What is its does not happen until thaw() was called as often, and all of it can then: a process that is stopped,
  /// for one reason or several. True: with the first of them; with the last.
  bool freeze(owner_number whose);
  bool thaw(owner_number whose);

  /// Lets one thing happen; first lets time pass to the next that can, where nothing can now. False: nothing ever can
  /// again, or not before `end`.
  bool step(duration end);
  /// Until nothing more can happen before `end`; it is `end` then.
  void run_until(duration end);

 private:
  struct possible {
    owner_number whose;
    action what;
  };
  struct stopped {
    uint32_t reasons = 0;
    std::vector<possible> waiting;
  };
  /// What is due now becomes possible.
  void ripen();

  uint64_t seed_;
  seeded_random choices_;
  duration now_{};
  owner_number owners_ = 0;
  std::vector<possible> ready_;
  std::multimap<duration, possible> later_;
  std::map<owner_number, stopped> frozen_;
  troupe::simulation::history history_;
};

}  // namespace troupe::simulation
