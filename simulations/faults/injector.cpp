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

injector::injector(cluster& of, client_habits& habits) : of_(of), habits_(habits), owner_(of.where().new_owner()) {
  uint64_t stream = 0;
  const auto next = [&] { return seeded_random(of.where().seed(), drawn_by::faults, stream++); };
  for (const fault_description& each : all_faults) dice_.emplace(each.kind, dice{next(), next()});
}

void injector::begin(const std::vector<fault_habit>& faults) {
  for (const fault_habit& each : faults) plan(each);
}

void injector::plan(const fault_habit& fault) {
  const duration wait = dice_.at(fault.kind).when.between(duration{}, 2 * fault.every);
  of_.where().after(wait, owner_, [this, fault] {
    cause(fault.kind);
    plan(fault);
  });
}

bool injector::cause(fault_kind kind) {
  if (healed_) return false;
  const fault_description& what = describe(kind);
  dice& its = dice_.at(kind);
  const duration lasts = its.when.between(what.lasts_min, what.lasts_max);
  auto done = harm_of(kind, its.what);
  if (!done) return false;
  const uint64_t id = ++begun_;
  of_.where().note("", "fault.begins", {{"id", id}, {"kind", what.name}, {"targets", done->targets}});
  if (!done->undo) {
    of_.where().note("", "fault.ends", {{"id", id}});
    return true;
  }
  working_.push_back({id, std::move(*done)});
  of_.where().after(lasts, owner_, [this, id] { end(id); });
  return true;
}

void injector::end(uint64_t id) {
  const auto its = std::ranges::find(working_, id, &working::id);
  if (its == working_.end()) return;
  const auto undo = std::move(its->its.undo);
  working_.erase(its);
  of_.where().note("", "fault.ends", {{"id", id}});
  undo();
}

void injector::heal() {
  healed_ = true;
  of_.where().forget(owner_);
  while (!working_.empty()) end(working_.front().id);
}

bool injector::is_taken(const std::string& what) const {
  return std::ranges::any_of(working_, [&](const working& each) { return each.its.takes == what; });
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
    case fault_kind::store_fails:
    case fault_kind::store_answer_lost:
    case fault_kind::crash_at_write: return to_store(kind, random);
    case fault_kind::clock_step: return to_clock(random);
    case fault_kind::load_burst:
    case fault_kind::readers_pause:
    case fault_kind::clients_leave: return to_clients(kind);
  }
  return std::nullopt;
}

template <class Value>
std::optional<injector::harm> injector::change(Value& what, Value to, fault_kind kind, const std::string& target) {
  std::string takes(describe(kind).name);
  if (!target.empty()) takes += " of " + target;
  if (is_taken(takes)) return std::nullopt;
  Value usual = std::exchange(what, std::move(to));
  return harm{target, [&what, usual = std::move(usual)] { what = usual; }, std::move(takes)};
}

machine& injector::any_machine(seeded_random& random) { return *any_of(of_.hosts(), random).second; }

std::optional<injector::harm> injector::to_process(fault_kind kind, seeded_random& random) {
  machine& where = any_machine(random);
  const auto living = where.list();
  if (living.empty()) return std::nullopt;
  const process_status victim = any_of(living, random);
  if (kind == fault_kind::process_crash) {
    where.end(victim.name, victim.generation, end_process::kill);
    return harm{victim.name, {}, {}};
  }
  if (!where.stop(victim.pid)) return std::nullopt;
  return harm{victim.name, [&where, pid = victim.pid] { where.go_on(pid); }, {}};
}

std::optional<injector::harm> injector::to_machine(fault_kind kind, seeded_random& random) {
  machine& where = any_machine(random);
  const node_name name = where.name();
  if (kind == fault_kind::start_fails) return change(where.out_of_processes, true, kind, name);
  std::string takes = "agent of " + name;
  if (is_taken(takes)) return std::nullopt;
  const auto start_again = [this, name] { of_.start_agent(name); };
  switch (kind) {
    case fault_kind::agent_crash: of_.kill_agent(name); return harm{name, start_again, std::move(takes)};
    case fault_kind::agent_pause:
      if (!of_.stop_agent(name)) return std::nullopt;
      return harm{name, [this, name] { of_.go_on_agent(name); }, std::move(takes)};
    case fault_kind::machine_crash:
      of_.turn_off(name);
      return harm{joined(of_.nodes_on(name)), start_again, std::move(takes)};
    default: {
      of_.stop_agent(name);
      where.pause();
      const auto go_on = [this, &where, name] {
        of_.go_on_agent(name);
        where.resume();
      };
      return harm{joined(of_.nodes_on(name)), go_on, std::move(takes)};
    }
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
  return {std::move(targets),
          [this, number] {
            of_.net().paths().remove(number);
            of_.net().ways_changed();
          },
          {}};
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
        return harm{std::move(targets), {}, {}};
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
  return harm{std::move(targets),
              [undo_one = std::move(there.undo), undo_other = std::move(back.undo)] {
                undo_one();
                undo_other();
              },
              {}};
}

std::optional<injector::harm> injector::to_device(fault_kind kind, seeded_random& random) {
  if (kind == fault_kind::cold_start) return change(of_.devices().cold, true, kind, {});
  const group_spec& group = any_of(of_.groups(), random);
  const auto rank = static_cast<uint32_t>(random.below(group.ranks()));
  device_trouble trouble;
  switch (kind) {
    case fault_kind::device_error: trouble.fails = true; break;
    case fault_kind::device_hang: trouble.hangs = true; break;
    case fault_kind::weights_lost: trouble.cannot_load = true; break;
    default: trouble.slowness = 1 + static_cast<double>(random.below(static_cast<uint64_t>(slowness_max))); break;
  }
  const node_name node = group.rank_node(rank);
  std::string takes = "device of " + node;
  if (is_taken(takes)) return std::nullopt;
  of_.devices().trouble(group.number, rank, trouble);
  return harm{node, [this, number = group.number, rank] { of_.devices().well(number, rank); }, std::move(takes)};
}

std::optional<injector::harm> injector::to_store(fault_kind kind, seeded_random& random) {
  const node_name gateway = any_of(of_.config().gateways, random).name;
  stored& disk = of_.disk(gateway);
  switch (kind) {
    case fault_kind::store_fails: return change(disk.fails, true, kind, gateway);
    case fault_kind::store_answer_lost: return change(disk.loses_answers, true, kind, gateway);
    default: return change(disk.written, {[this, gateway] { die_after_write(gateway); }}, kind, gateway);
  }
}

/// Once: what takes its place lives.
void injector::die_after_write(const node_name& gateway) {
  const auto its = std::ranges::find(of_.config().gateways, gateway, &gateway_config::name);
  machine& where = of_.host(its->host);
  process* writer = where.running(gateway, 0);
  if (writer == nullptr) return;  // it is being made
  of_.disk(gateway).written = nullptr;
  writer->fall_silent();
  where.end(gateway, 0, end_process::kill);
}

injector::harm injector::to_clock(seeded_random& random) {
  const node_name host = any_machine(random).name();
  const std::chrono::milliseconds day = std::chrono::hours(24);
  of_.clock(host).wall_offset += random.between(std::chrono::milliseconds{}, 2 * day) - day;
  return {host, {}, {}};
}

std::optional<injector::harm> injector::to_clients(fault_kind kind) {
  switch (kind) {
    case fault_kind::load_burst: return change(habits_.think_max, habits_.think_max / 10, kind, {});
    case fault_kind::readers_pause: return change(habits_.pauses, 0.1, kind, {});
    default: return change(habits_.leaves, 0.5, kind, {});
  }
}

}  // namespace troupe::simulation
