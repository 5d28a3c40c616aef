#include "simulations/report/summary.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "simulations/report/event_text.hpp"
#include "simulations/report/request_reader.hpp"

namespace troupe::simulation {
namespace {

/// Reads the events one after the other.
class summary_builder {
 public:
  explicit summary_builder(const record& from) : record_(from) {}

  run_summary build() {
    run_.events = record_.size();
    run_.left_out = record_.left_out();
    if (record_.size() != 0) {
      run_.from = record_.left_out() == 0 ? duration{} : record_[0].at;
      run_.to = record_[record_.size() - 1].at;
    }
    for (size_t i = 0; i < record_.size(); ++i) read(record_[i]);
    finish();
    return std::move(run_);
  }

 private:
  struct handler {
    std::string_view what;
    void (summary_builder::*read)(const event&);
  };
  struct group_notes {
    group_summary summary;
    /// Gateways that have it in use.
    std::set<std::string> users;
    generation_number generation = 0;
  };

  void read(const event& e) {
    static constexpr std::array<handler, 15> handlers{{
        {"os.started", &summary_builder::on_process_started},
        {"os.ended", &summary_builder::on_process_ended},
        {"os.stopped", &summary_builder::on_process_stopped},
        {"os.goes_on", &summary_builder::on_process_goes_on},
        {"agent.started", &summary_builder::on_agent_started},
        {"agent.ended", &summary_builder::on_agent_ended},
        {"agent.killed", &summary_builder::on_agent_ended},
        {"rank.ready", &summary_builder::on_rank_ready},
        {"rank.leaving", &summary_builder::on_rank_leaving},
        {"group.ready", &summary_builder::on_group_ready},
        {"group.lost", &summary_builder::on_group_lost},
        {"group.recovered", &summary_builder::on_group_recovered},
        {"fault.begins", &summary_builder::on_fault_begins},
        {"fault.ends", &summary_builder::on_fault_ends},
        {"violation", &summary_builder::on_violation},
    }};
    const auto its = std::ranges::find(handlers, e.what, &handler::what);
    if (its != handlers.end()) (this->*its->read)(e);
    if (e.what.starts_with("phase."))
      run_.phases.push_back({e.at, std::string(e.what.substr(6)) + (e.fields.empty() ? "" : " " + fields_text(e))});
    if (e.level == log_level::error && e.what != "violation") {
      run_.violations.push_back(
          {e.at, "error", std::string(e.node) + ": " + std::string(e.what) + " " + fields_text(e)});
    }
    requests_.read(e);
    by_itself(e);
  }

  // ---- nodes ----

  node_summary& node_of(std::string_view name, node_kind kind, std::string_view host) {
    const auto [its, is_new] = node_indexes_.try_emplace(std::string(name), run_.nodes.size());
    if (is_new) run_.nodes.push_back({.name = its->first, .kind = kind, .host = {}, .lives = {}, .moments = {}});
    node_summary& node = run_.nodes[its->second];
    if (node.host.empty()) node.host = host;
    return node;
  }

  /// The process that an event of a host is about.
  node_summary& process_of(const event& e) {
    const std::string_view name = e.text("process");
    return node_of(name, group_of_rank_node(name) ? node_kind::rank : node_kind::gateway, e.node);
  }

  /// Null where none lives, unless the beginning is missing: then it was there before.
  process_life* living(node_summary& node, generation_number generation, uint64_t pid) {
    bool known = false;
    for (process_life& life : node.lives) {
      if (life.generation != generation) continue;
      known = true;
      if (!life.ended && (pid == 0 || life.pid == 0 || life.pid == pid)) return &life;
    }
    if (known || record_.left_out() == 0) return nullptr;
    return &*node.lives.insert(node.lives.begin(), {.generation = generation,
                                                    .pid = pid,
                                                    .older = true,
                                                    .changes = {{run_.from, process_state::ready}},
                                                    .ended = {},
                                                    .how = {}});
  }

  static std::string of_generation(std::string_view what, const event& e) {
    const uint64_t generation = e.number("generation");
    return std::string(what) + (generation == 0 ? "" : ", generation " + std::to_string(generation));
  }

  void on_process_started(const event& e) {
    node_summary& node = process_of(e);
    const generation_number generation = e.number("generation");
    node.lives.push_back({.generation = generation,
                          .pid = e.number("pid"),
                          .older = false,
                          .changes = {{e.at, process_state::starting}},
                          .ended = {},
                          .how = {}});
    node.moments.push_back({e.at, of_generation("started", e)});
    if (const auto group = group_of_rank_node(node.name)) {
      group_notes& its = group_of(*group);
      if (generation > its.generation) {
        its.generation = generation;
        change(its, e.at, group_condition::starting);
      }
    }
  }
  void on_process_ended(const event& e) {
    node_summary& node = process_of(e);
    process_life* life = living(node, e.number("generation"), e.number("pid"));
    if (life == nullptr) return;
    life->ended = e.at;
    life->how = e.text("how");
    node.moments.push_back({e.at, of_generation("ended", e) + (life->how.empty() ? "" : ": " + life->how)});
    if (node.kind == node_kind::gateway) {
      for (auto& [name, group] : groups_)
        if (group.users.erase(node.name) != 0) lose_if_unused(group, e.at, node.name + " has ended");
    }
  }
  void on_process_stopped(const event& e) {
    node_summary& node = process_of(e);
    process_life* life = living(node, e.number("generation"), 0);
    if (life == nullptr || life->changes.back().to == process_state::stopped) return;
    life->changes.push_back({e.at, process_state::stopped});
    node.moments.push_back({e.at, of_generation("stopped", e)});
  }
  void on_process_goes_on(const event& e) {
    node_summary& node = process_of(e);
    process_life* life = living(node, e.number("generation"), 0);
    if (life == nullptr) return;
    auto& changes = life->changes;
    if (changes.back().to != process_state::stopped) return;
    changes.push_back({e.at, changes.size() < 2 ? process_state::ready : changes[changes.size() - 2].to});
    node.moments.push_back({e.at, of_generation("went on", e)});
  }

  void on_agent_started(const event& e) {
    node_summary& host = node_of(e.node, node_kind::host, e.node);
    host.lives.push_back(
        {.generation = 0, .pid = 0, .older = false, .changes = {{e.at, process_state::ready}}, .ended = {}, .how = {}});
    host.moments.push_back({e.at, "agent started"});
  }
  void on_agent_ended(const event& e) {
    node_summary& host = node_of(e.node, node_kind::host, e.node);
    process_life* life = living(host, 0, 0);
    if (life == nullptr) return;
    life->ended = e.at;
    life->how = e.what == "agent.killed" ? "killed" : "ended";
    host.moments.push_back({e.at, "agent " + life->how});
  }

  void on_rank_ready(const event& e) {
    node_summary& node = node_of(e.node, node_kind::rank, {});
    process_life* life = living(node, e.number("generation"), 0);
    if (life != nullptr && life->changes.back().to == process_state::starting)
      life->changes.push_back({e.at, process_state::ready});
    node.moments.push_back({e.at, of_generation("ready", e)});
  }
  void on_rank_leaving(const event& e) {
    node_of(e.node, node_kind::rank, {}).moments.push_back({e.at, of_generation("leaving", e)});
  }

  /// What a node says shows that it runs.
  void by_itself(const event& e) {
    const auto its = node_indexes_.find(e.node);
    if (its == node_indexes_.end()) return;
    node_summary& node = run_.nodes[its->second];
    if (e.level >= log_level::warn)
      node.moments.push_back({e.at, std::string(e.what) + (e.fields.empty() ? "" : " " + fields_text(e)), true});
    if (node.kind != node_kind::gateway || node.lives.empty()) return;
    process_life& life = node.lives.back();
    if (!life.ended && life.changes.back().to == process_state::starting) {
      life.changes.push_back({e.at, process_state::ready});
      node.moments.push_back({e.at, "runs"});
    }
  }

  // ---- groups ----

  group_notes& group_of(std::string_view name) {
    const auto its = groups_.find(name);
    if (its != groups_.end()) return its->second;
    group_notes& made = groups_[std::string(name)];
    made.summary.name = name;
    return made;
  }

  static void change(group_notes& group, duration at, group_condition to, std::string why = {}) {
    auto& changes = group.summary.changes;
    if (changes.empty() || changes.back().to != to || changes.back().generation != group.generation)
      changes.push_back({at, to, group.generation, std::move(why)});
  }
  static void lose_if_unused(group_notes& group, duration at, std::string why) {
    const auto& changes = group.summary.changes;
    if (group.users.empty() && !changes.empty() && changes.back().to == group_condition::ready)
      change(group, at, group_condition::lost, std::move(why));
  }

  void on_group_ready(const event& e) {
    group_notes& group = group_of(e.text("group"));
    if (e.number("ready") != 0) {
      group.users.emplace(e.node);
      change(group, e.at, group_condition::ready);
    } else if (group.users.erase(std::string(e.node)) != 0) {
      lose_if_unused(group, e.at, "no gateway has it");
    }
  }
  void on_group_lost(const event& e) {
    group_notes& group = group_of(e.text("group"));
    const generation_number generation = e.number("generation");
    if (generation < group.generation) return;  // one that has its successor already
    group.generation = generation;
    group.users.clear();
    change(group, e.at, group_condition::lost, std::string(e.text("why")));
  }
  void on_group_recovered(const event& e) {
    group_notes& group = group_of(e.text("group"));
    group.generation = std::max(group.generation, e.number("generation"));
    group.users.emplace(e.node);
    change(group, e.at, group_condition::ready);
  }

  // ---- the world ----

  void on_fault_begins(const event& e) {
    fault_summary fault{
        .id = e.number("id"), .kind = std::string(e.text("kind")), .targets = {}, .from = e.at, .to = {}};
    std::string_view targets = e.text("targets");
    while (!targets.empty()) {
      const size_t comma = std::min(targets.find(','), targets.size());
      if (comma != 0) fault.targets.emplace_back(targets.substr(0, comma));
      targets.remove_prefix(std::min(comma + 1, targets.size()));
    }
    run_.faults.push_back(std::move(fault));
  }
  void on_fault_ends(const event& e) {
    for (fault_summary& fault : run_.faults)
      if (fault.id == e.number("id") && !fault.to) fault.to = e.at;
  }
  void on_violation(const event& e) {
    run_.violations.push_back({e.at, std::string(e.text("id")), std::string(e.text("what"))});
  }

  // ---- the end ----

  void finish() {
    run_.requests = requests_.finish();
    run_.groups.reserve(groups_.size());
    for (auto& [name, group] : groups_) run_.groups.push_back(std::move(group.summary));
    std::ranges::sort(run_.groups, [](const auto& a, const auto& b) { return natural_less(a.name, b.name); });
    std::ranges::sort(run_.nodes, [](const node_summary& a, const node_summary& b) {
      if (a.host != b.host) return natural_less(a.host, b.host);
      if (a.kind != b.kind) return a.kind < b.kind;
      return natural_less(a.name, b.name);
    });
  }

  const record& record_;
  run_summary run_;
  request_reader requests_;
  std::map<std::string, size_t, std::less<>> node_indexes_;
  std::map<std::string, group_notes, std::less<>> groups_;
};

}  // namespace

std::vector<request_summary::move> request_summary::moves() const {
  std::vector<move> all;
  std::map<uint64_t, size_t> last;
  for (size_t i = 0; i < stretches.size(); ++i) {
    const auto [before, is_first] = last.try_emplace(stretches[i].choice, i);
    if (!is_first && !stretches[i].is_of_same(stretches[before->second])) all.push_back({before->second, i});
    before->second = i;
  }
  return all;
}

run_summary summary_of(const record& of) { return summary_builder(of).build(); }

std::optional<std::string> group_of_rank_node(std::string_view node) {
  const size_t rank = node.rfind("-r");
  if (rank == std::string_view::npos || !is_number(node.substr(rank + 2))) return std::nullopt;
  const size_t group = node.rfind("-g", rank);
  if (group == std::string_view::npos || group == 0 || !is_number(node.substr(group + 2, rank - group - 2)))
    return std::nullopt;
  return std::string(node.substr(0, group)) + "/" + std::string(node.substr(group + 2, rank - group - 2));
}

}  // namespace troupe::simulation
