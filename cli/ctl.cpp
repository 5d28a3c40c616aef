// troupe ctl: asks a running cluster's control node, over the same authenticated transport as its nodes use.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "actors/node/operator_call.hpp"
#include "cli/cluster_options.hpp"
#include "cli/commands.hpp"

namespace troupe {
namespace {

struct ctl_options {
  std::string state_folder = "state";
  std::string target;
};

result<description> ask(const ctl_options& options, envelope_body question) {
  TROUPE_ASSIGN(auto addresses, read_addresses(options.state_folder));
  return call_control(addresses.cluster, options.state_folder, addresses.host.gateways, std::move(question));
}

void print(const description& d) {
  for (size_t i = 0; i < d.tree.size(); ++i) {
    const auto& entry = d.tree[i];
    std::string line;
    // A branch for each level: whether a later entry of that level follows before its parent ends.
    for (uint32_t level = 1; level <= entry.depth; ++level) {
      bool follows = false;
      for (size_t k = i + 1; k < d.tree.size() && d.tree[k].depth >= level; ++k) {
        if (d.tree[k].depth == level) {
          follows = true;
          break;
        }
      }
      bool here = level == entry.depth;
      line += here ? (follows ? "├─ " : "└─ ") : (follows ? "│  " : "   ");
    }
    line += entry.kind + " " + entry.name + "  " + entry.state;
    if (entry.generation != 0) line += "  generation " + std::to_string(entry.generation);
    if (entry.restarts != 0) line += "  restarts " + std::to_string(entry.restarts);
    if (entry.pid != 0) line += "  pid " + std::to_string(entry.pid);
    if (!entry.detail.empty()) line += "  (" + entry.detail + ")";
    std::printf("%s\n", line.c_str());
  }
}

int show_tree(const ctl_options& options) {
  auto answer = ask(options, describe_request{});
  if (!answer) return failed(answer.err());
  print(*answer);
  return 0;
}

int show_status(const ctl_options& options) {
  auto answer = ask(options, describe_request{});
  if (!answer) return failed(answer.err());
  uint32_t groups = 0, ready = 0, restarts = 0;
  for (const auto& entry : answer->tree) {
    if (entry.kind != "group") continue;
    ++groups;
    ready += entry.state == "ready" ? 1 : 0;
    restarts += entry.restarts;
    std::printf("%-24s %-12s generation %-6llu restarts %u%s%s\n", entry.name.c_str(), entry.state.c_str(),
                static_cast<unsigned long long>(entry.generation), entry.restarts, entry.detail.empty() ? "" : "  ",
                entry.detail.c_str());
  }
  std::printf("%u of %u groups ready, %u restarts\n", ready, groups, restarts);
  return ready == groups ? 0 : 1;
}

int drain_target(const ctl_options& options) {
  auto answer = ask(options, drain_request{options.target});
  if (!answer) return failed(answer.err());
  if (answer->failed) return failed(answer->why);
  print(*answer);
  return 0;
}

}  // namespace

void add_ctl(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("ctl", "Asks a running cluster: what runs, and how well");
  command->require_subcommand(1);
  auto options = std::make_shared<ctl_options>();
  command->add_option("--state", options->state_folder, "The cluster's state folder")->capture_default_str();
  command->add_subcommand("status", "One line a group; exit status 1 unless all are ready")
      ->callback([options, &exit_code] { exit_code = show_status(*options); });
  command
      ->add_subcommand("tree", "The supervision tree, live: processes, actors, groups, with restarts and generations")
      ->callback([options, &exit_code] { exit_code = show_tree(*options); });
  auto* drain =
      command->add_subcommand("drain",
                              "Lets what runs on a group (troupe-tiny/0) or a gateway (gateway-0) finish, gives it\n"
                              "nothing new, and ends it. A group stays down; a gateway is started again by its host.");
  drain->add_option("TARGET", options->target, "The group or gateway")->required();
  drain->callback([options, &exit_code] { exit_code = drain_target(*options); });
}

}  // namespace troupe
