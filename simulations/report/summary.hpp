// What a record says of each request, node, group and fault: what happened, sorted by whom it happened to.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "simulations/report/record.hpp"

namespace troupe::simulation {

/// Something to say of a moment.
struct moment {
  duration at{};
  std::string text;
  /// Of what actors log as a warning or worse.
  bool warns = false;
};

/// Tokens of one choice that one incarnation of a group gave without a pause.
struct token_stretch {
  uint64_t choice = 0;
  /// "m/0"
  std::string group;
  generation_number generation = 0;
  duration from{}, to{};
  uint64_t tokens = 0;

  /// "m/0 generation 2"
  std::string whose() const { return group + " generation " + std::to_string(generation); }
  /// Of the same incarnation of the same group.
  bool is_of_same(const token_stretch& other) const { return group == other.group && generation == other.generation; }
};

struct request_summary {
  std::string name, gateway, model;
  /// Nothing: not within the record.
  std::optional<duration> begun, ended;
  /// "complete", "left", "cut" or an error's name; empty where it has not ended.
  std::string how;
  uint64_t prompt_tokens = 0, choices = 1, tokens_max = 0;
  /// As they came to the client; where the record has none of those, as they came to the gateway.
  uint64_t tokens = 0;
  std::optional<duration> first_token, last_token;
  /// The longest wait of one choice between two tokens.
  duration gap_begin{}, gap{};
  /// In the order in which they began; a pause of `pause_min` ends one.
  std::vector<token_stretch> stretches;
  static constexpr duration pause_min = std::chrono::milliseconds(500);

  /// A choice went on in another group, or another generation of the same: of `stretches`, by index.
  struct move {
    size_t from = 0, to = 0;
  };
  std::vector<move> moves() const;
  bool failed() const { return !how.empty() && how != "complete" && how != "left"; }
};

enum class process_state : uint8_t { starting, ready, stopped };

struct process_life {
  generation_number generation = 0;
  uint64_t pid = 0;
  /// Began before the record did.
  bool older = false;
  struct change {
    duration at{};
    process_state to{};
  };
  /// At least one: that of its beginning.
  std::vector<change> changes;
  std::optional<duration> ended;
  std::string how;
};

enum class node_kind : uint8_t { host, gateway, rank };

struct node_summary {
  std::string name;
  node_kind kind{};
  /// Where it runs; a host: itself.
  std::string host;
  /// In order of their beginning; two can live at once: one that hangs and its successor. A host's are its agent's.
  std::vector<process_life> lives;
  std::vector<moment> moments;
};

enum class group_condition : uint8_t { starting, ready, lost };

/// Ready: a gateway has it in use.
struct group_summary {
  std::string name;
  struct change {
    duration at{};
    group_condition to{};
    generation_number generation = 0;
    /// What it was lost by.
    std::string why;
  };
  std::vector<change> changes;
};

struct fault_summary {
  uint64_t id = 0;
  std::string kind;
  std::vector<std::string> targets;
  duration from{};
  /// Nothing: it lasts.
  std::optional<duration> to;
};

struct violation_summary {
  duration at{};
  /// "I3"; "error" for what actors logged as one.
  std::string id;
  std::string what;
};

struct run_summary {
  /// Of the first and of the last event.
  duration from{}, to{};
  uint64_t events = 0, left_out = 0;
  std::vector<moment> phases;
  std::vector<violation_summary> violations;
  std::vector<fault_summary> faults;
  /// In the order of their names; nodes by their hosts, each host first.
  std::vector<group_summary> groups;
  std::vector<node_summary> nodes;
  /// In the order of their beginning.
  std::vector<request_summary> requests;
};

run_summary summary_of(const record& of);

/// "m/0" for "m-g0-r1"; nothing where it is no rank's name.
std::optional<std::string> group_of_rank_node(std::string_view node);

}  // namespace troupe::simulation
