#include "simulations/faults/injector.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::simulation {
namespace {

std::string joined(const std::set<node_name, std::less<>>& names) {
  std::string text;
  for (const node_name& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

template <class Range>
auto& any_of(Range& range, seeded_random& random) {
  return *std::next(std::begin(range), static_cast<std::ptrdiff_t>(random.below(std::size(range))));
}

constexpr double slowness_max = 100;

}  // namespace

injector::injector(cluster& of, client_habits& habits)
    : of_(of), habits_(habits), usual_(habits), owner_(of.where().new_owner()) {
  for (const fault_description& each : all_faults) {
    random_.emplace(each.kind, seeded_random(of.where().seed(), drawn_by::faults, static_cast<uint64_t>(each.kind)));
  }
}

void injector::begin(const std::vector<fault_habit>& faults) {
  for (const fault_habit& each : faults) plan(each);
}

void injector::plan(const fault_habit& fault) {
  const duration wait = random_.at(fault.kind).between(duration{}, 2 * fault.every);
  of_.where().after(wait, owner_, [this, fault] {
    cause(fault.kind);
    plan(fault);
  });
}

bool injector::cause(fault_kind kind) {
  if (healed_) return false;
  seeded_random& random = random_.at(kind);
  const uint64_t id = ++begun_;
  auto done = harm_of(kind, random);
  if (!done) return false;
  const fault_description& what = describe(kind);
  of_.where().note("", "fault.begins", {{"id", id}, {"kind", what.name}, {"targets", done->targets}});
  if (!done->undo) {
    of_.where().note("", "fault.ends", {{"id", id}});
    return true;
  }
  working_.push_back({id, std::move(done->undo)});
  of_.where().after(random.between(what.lasts_min, what.lasts_max), owner_, [this, id] { end(id); });
  return true;
}

void injector::end(uint64_t id) {
  const auto its = std::ranges::find(working_, id, &working::id);
  if (its == working_.end()) return;
  const auto undo = std::move(its->undo);
  working_.erase(its);
  of_.where().note("", "fault.ends", {{"id", id}});
  undo();
}

void injector::heal() {
  healed_ = true;
  of_.where().forget(owner_);
  while (!working_.empty()) end(working_.front().id);
}

void injector::lose(const node_name& host) {
  of_.kill_agent(host);
  machine& lost = of_.host(host);
  lost.out_of_processes = true;
  for (const process_status& each : lost.list()) lost.end(each.name, each.generation, end_process::kill);
}

std::optional<injector::harm> injector::harm_of(fault_kind kind, seeded_random& random) {
  switch (kind) {
    case fault_kind::process_crash:
    case fault_kind::process_pause: return to_process(kind, random);
    case fault_kind::agent_crash:
    case fault_kind::agent_pause:
    case fault_kind::machine_crash:
    case fault_kind::machine_pause:
    case fault_kind::start_fails: return to_machine(kind, random);
    case fault_kind::link_reset:
    case fault_kind::way_closed:
    case fault_kind::way_cut:
    case fault_kind::node_cut:
    case fault_kind::host_cut:
    case fault_kind::way_slow:
    case fault_kind::frames_twice: return to_ways(kind, random);
    case fault_kind::device_error:
    case fault_kind::device_hang:
    case fault_kind::device_slow:
    case fault_kind::weights_lost:
    case fault_kind::cold_start: return to_device(kind, random);
    case fault_kind::store_fails: return to_store(random);
    case fault_kind::clock_step: return to_clock(random);
    case fault_kind::load_burst:
    case fault_kind::readers_pause:
    case fault_kind::clients_leave: return to_clients(kind);
  }
  return std::nullopt;
}

machine& injector::any_machine(seeded_random& random) { return *any_of(of_.hosts(), random).second; }

std::optional<injector::harm> injector::to_process(fault_kind kind, seeded_random& random) {
  machine& where = any_machine(random);
  const auto living = where.list();
  if (living.empty()) return std::nullopt;
  const process_status victim = any_of(living, random);
  if (kind == fault_kind::process_crash) {
    where.end(victim.name, victim.generation, end_process::kill);
    return harm{victim.name, {}};
  }
  if (!where.stop(victim.name, victim.generation)) return std::nullopt;
  return harm{victim.name, [&where, victim] { where.go_on(victim.name, victim.generation); }};
}

std::optional<injector::harm> injector::to_machine(fault_kind kind, seeded_random& random) {
  machine& where = any_machine(random);
  const node_name name = where.name();
  const auto start_again = [this, &where, name] {
    where.out_of_processes = false;
    of_.start_agent(name);
  };
  switch (kind) {
    case fault_kind::agent_crash: of_.kill_agent(name); return harm{name, start_again};
    case fault_kind::agent_pause:
      if (!of_.stop_agent(name)) return std::nullopt;
      return harm{name, [this, name] { of_.go_on_agent(name); }};
    case fault_kind::machine_crash: lose(name); return harm{joined(of_.nodes_on(name)), start_again};
    case fault_kind::machine_pause: {
      of_.stop_agent(name);
      const auto living = where.list();
      for (const process_status& each : living) where.stop(each.name, each.generation);
      return harm{joined(of_.nodes_on(name)), [this, &where, name, living] {
                    of_.go_on_agent(name);
                    for (const process_status& each : living) where.go_on(each.name, each.generation);
                  }};
    }
    default: where.out_of_processes = true; return harm{name, [&where] { where.out_of_processes = false; }};
  }
}

std::pair<node_name, node_name> injector::any_way(seeded_random& random) {
  const node_name gateway = any_of(of_.config().gateways, random).name;
  auto others = of_.nodes_on(any_machine(random).name());
  others.erase(gateway);
  return {gateway, any_of(others, random)};
}

injector::harm injector::change_ways(path_change change, std::string targets) {
  const uint64_t number = of_.net().paths().add(std::move(change));
  of_.net().ways_changed();
  return {std::move(targets), [this, number] {
            of_.net().paths().remove(number);
            of_.net().ways_changed();
          }};
}

std::optional<injector::harm> injector::to_ways(fault_kind kind, seeded_random& random) {
  std::set<node_name, std::less<>> all;
  for (const auto& [name, host] : of_.hosts()) all.merge(of_.nodes_on(name));
  path_change change;
  switch (kind) {
    case fault_kind::link_reset:
    case fault_kind::way_closed:
    case fault_kind::way_cut: {
      auto [one, other] = any_way(random);
      if (random.chance(0.5)) std::swap(one, other);
      std::string targets = one;
      targets.append(",").append(other);
      if (kind == fault_kind::link_reset) {
        of_.net().cut(one, other);
        return harm{std::move(targets), {}};
      }
      change.closed = true;
      change.from = {one};
      change.to = {other};
      if (kind == fault_kind::way_cut) change.from = change.to = {one, other};
      return change_ways(std::move(change), std::move(targets));
    }
    case fault_kind::frames_twice:
      change.from = change.to = all;
      change.repeated = random.chance(0.5) ? 0.01 : 0.3;
      return change_ways(std::move(change), joined(all));
    default: break;
  }
  const auto here = of_.nodes_on(any_machine(random).name());
  if (kind == fault_kind::way_slow) {
    change.from = change.to = all;
    change.delay = random.between(duration{}, duration(std::chrono::milliseconds(100)));
    change.jitter = random.between(duration{}, duration(std::chrono::milliseconds(400)));
    if (random.chance(0.5)) change.from = here;
    return change_ways(std::move(change), joined(here));
  }
  auto cut = kind == fault_kind::host_cut ? here : std::set<node_name, std::less<>>{any_of(here, random)};
  std::set<node_name, std::less<>> others;
  std::ranges::set_difference(all, cut, std::inserter(others, others.end()));
  std::string targets = joined(cut);
  // There and back: two changes.
  auto there = change_ways({.from = cut, .to = others, .closed = true}, {});
  auto back = change_ways({.from = std::move(others), .to = std::move(cut), .closed = true}, {});
  return harm{std::move(targets), [undo_one = std::move(there.undo), undo_other = std::move(back.undo)] {
                undo_one();
                undo_other();
              }};
}

std::optional<injector::harm> injector::to_device(fault_kind kind, seeded_random& random) {
  if (kind == fault_kind::cold_start) {
    of_.devices().cold = true;
    return harm{{}, [this] { of_.devices().cold = false; }};
  }
  const group_spec& group = any_of(of_.groups(), random);
  const auto rank = static_cast<uint32_t>(random.below(group.ranks()));
  device_trouble trouble;
  switch (kind) {
    case fault_kind::device_error: trouble.fails = true; break;
    case fault_kind::device_hang: trouble.hangs = true; break;
    case fault_kind::weights_lost: trouble.cannot_load = true; break;
    default: trouble.slowness = 1 + static_cast<double>(random.below(static_cast<uint64_t>(slowness_max))); break;
  }
  of_.devices().trouble(group.number, rank, trouble);
  return harm{group.rank_node(rank), [this, number = group.number, rank] { of_.devices().well(number, rank); }};
}

injector::harm injector::to_store(seeded_random& random) {
  const node_name gateway = any_of(of_.config().gateways, random).name;
  of_.disk(gateway).fails = true;
  return {gateway, [this, gateway] { of_.disk(gateway).fails = false; }};
}

injector::harm injector::to_clock(seeded_random& random) {
  const node_name host = any_machine(random).name();
  const std::chrono::milliseconds day = std::chrono::hours(24);
  of_.clock(host).wall_offset += random.between(std::chrono::milliseconds{}, 2 * day) - day;
  return {host, {}};
}

injector::harm injector::to_clients(fault_kind kind) {
  switch (kind) {
    case fault_kind::load_burst:
      habits_.think_max = usual_.think_max / 10;
      return {{}, [this] { habits_.think_max = usual_.think_max; }};
    case fault_kind::readers_pause: habits_.pauses = 0.1; return {{}, [this] { habits_.pauses = usual_.pauses; }};
    default: habits_.leaves = 0.5; return {{}, [this] { habits_.leaves = usual_.leaves; }};
  }
}

}  // namespace troupe::simulation
