#include "simulations/scenarios/run.hpp"

#include <algorithm>
#include <deque>

#include "actors/request/request.hpp"
#include "simulations/checkers/failures.hpp"
#include "simulations/checkers/groups.hpp"
#include "simulations/checkers/processes.hpp"
#include "simulations/checkers/streams.hpp"
#include "simulations/faults/injector.hpp"
#include "simulations/workload/open_loop.hpp"
#include "simulations/world/regions.hpp"

namespace troupe::simulation {
namespace {

/// A stream's right letters.
right_tokens::answer right_answer(std::string_view prompt, uint64_t seed, uint64_t choice) {
  hash_model::text so_far;
  for (const char letter : prompt) so_far.add(static_cast<token_id>(alphabet.find(letter)));
  return [so_far, seed, choice]() mutable {
    const token_id next = so_far.next(seed, choice, static_cast<uint32_t>(alphabet.size()));
    so_far.add(next);
    return alphabet[next];
  };
}

bool is_lost(const scenario& what, const group_spec& group) {
  return !what.lost.empty() && !group.ranks_on(what.lost).empty();
}

/// Those that have to be there at the end.
std::vector<full_recovery::group> core_of(const scenario& what) {
  std::vector<full_recovery::group> core;
  for (const group_spec& group : groups_of(what.cluster)) {
    if (is_lost(what, group)) continue;
    full_recovery::group its{group.name, {}};
    for (uint32_t rank = 0; rank < group.ranks(); ++rank) its.nodes.push_back(group.rank_node(rank));
    core.push_back(std::move(its));
  }
  return core;
}

std::set<std::string, std::less<>> lost_of(const scenario& what) {
  std::set<std::string, std::less<>> lost;
  for (const group_spec& group : groups_of(what.cluster))
    if (is_lost(what, group)) lost.insert(group.name);
  return lost;
}

/// What these faults explain.
std::set<std::string, std::less<>> errors_of(const scenario& what) {
  std::set<std::string, std::less<>> expected;
  const auto has = [&](fault_kind kind) {
    return std::ranges::find(what.faults, kind, &fault_habit::kind) != what.faults.end();
  };
  if (has(fault_kind::store_fails) || has(fault_kind::store_answer_lost)) {
    expected.insert({"controller.store_failed", "group.store_failed"});
    // Those who may start others again as often as it takes have no reason to give up.
    if (what.cluster.supervision.restarts_max < patient_restarts)
      expected.insert({"controller.gave_up", "root.restarts_actor", "root.gave_up"});
  }
  if (!what.faults.empty()) expected.insert({"group.gave_up", "process.gave_up"});
  return expected;
}

judge judge_of(const scenario& what) {
  judge made;
  made.add(std::make_unique<ends_once>());
  made.add(std::make_unique<whole_streams>());
  made.add(std::make_unique<right_tokens>(right_answer));
  made.add(std::make_unique<fenced_generations>());
  made.add(std::make_unique<bounded_queues>());
  // A cancel's second, and the interval of reports.
  made.add(std::make_unique<conserved_pages>(std::chrono::milliseconds(1200)));
  made.add(std::make_unique<explained_failures>(std::chrono::seconds(10), request_config().losses_max, lost_of(what)));
  made.add(std::make_unique<full_recovery>(core_of(what)));
  made.add(std::make_unique<bounded_restarts>(what.cluster.supervision.restarts_max,
                                              what.cluster.supervision.restart_period));
  made.add(std::make_unique<expected_errors>(errors_of(what)));
  return made;
}

class staged_run {
 public:
  staged_run(const scenario& what, const history::reader& reader)
      : what_(what), reader_(reader), world_(what.seed), judge_(judge_of(what)), habits_(what.clients) {
    world_.history().read_by([this](const event& e) { read(e); });
  }

  outcome run() {
    const seeded_buggify unusual(world_, what_.unusual);
    cluster it(world_, what_.cluster);
    it.keep_agents();
    it.devices().times = what_.devices;
    draw_drifts(it);
    set_ways(it);
    std::deque<client> clients;
    for (uint32_t i = 0; i < what_.clients_count; ++i) clients.emplace_back(it, counts_, habits_, i + 1);
    open_loop others(it, counts_, habits_, what_.arrivals);
    injector faults(it, habits_);

    pass(what_.calm);
    world_.note("", "phase.safety");
    faults.begin(what_.faults);
    pass(what_.harmed);

    faults.heal();
    if (!what_.lost.empty()) it.turn_off(what_.lost);
    world_.note("", "phase.healed", {{"broken", what_.lost}});
    // The last failures are noticed after the last fault; who gave up then tries again after a whole period.
    constexpr duration settling = std::chrono::seconds(5);
    pass(settling);
    if (gave_up_) pass(what_.cluster.supervision.restart_period);
    pass(what_.healed - what_.draining - settling);

    world_.note("", "phase.draining");
    for (client& each : clients) each.stop();
    others.stop();
    pass(what_.draining);
    world_.note("", "phase.over");
    judge_.end(world_.now());
    tell_new_violations();
    outcome done;
    done.hash = world_.history().hash();
    done.events = world_.history().count();
    done.lasted = world_.now();
    done.counts = counts_;
    done.found = judge_.found();
    done.reached = reached_;
    // What ends now ends without its world: it is nobody's business.
    world_.history().read_by({});
    return done;
  }

 private:
  /// Of each machine's clock.
  void draw_drifts(cluster& it) const {
    seeded_random random(what_.seed, drawn_by::scenarios, 1);
    for (const auto& [name, host] : it.hosts())
      it.clock(name).drift_ppm =
          static_cast<int64_t>(random.below(2 * static_cast<uint64_t>(what_.drift_ppm_max) + 1)) - what_.drift_ppm_max;
  }

  /// Between hosts in several regions.
  void set_ways(cluster& it) const {
    for (size_t from = 0; from < what_.regions.size(); ++from) {
      for (size_t to = 0; to < what_.regions.size(); ++to) {
        if (what_.regions[from] == what_.regions[to]) continue;
        path way;
        way.delay = way_between(what_.regions[from], what_.regions[to]);
        way.jitter = way.delay / 20;
        for (const node_name& one : it.nodes_on(what_.cluster.hosts[from].name))
          for (const node_name& other : it.nodes_on(what_.cluster.hosts[to].name))
            it.net().paths().set(one, other, way);
      }
    }
  }

  void pass(duration time) { world_.run_until(world_.now() + time); }

  void read(const event& e) {
    judge_.read(e);
    reached_.read(e);
    if (e.what == "group.gave_up") gave_up_ = true;
    if (reader_) reader_(e);
    tell_new_violations();
  }

  void tell_new_violations() {
    for (const auto all = judge_.found().found(); told_ < all.size(); ++told_) {
      const log_field fields[] = {{"id", all[told_].id}, {"what", all[told_].what}};
      if (reader_) reader_({all[told_].at, "", "violation", fields, log_level::error});
    }
  }

  const scenario& what_;
  const history::reader& reader_;
  world world_;
  judge judge_;
  client_habits habits_;
  tally counts_;
  states_reached reached_;
  size_t told_ = 0;
  bool gave_up_ = false;
};

}  // namespace

outcome run(const scenario& what, const history::reader& reader) { return staged_run(what, reader).run(); }

}  // namespace troupe::simulation
