#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace troupe {

int failed(const error& e) {
  std::fprintf(stderr, "troupe: %s\n", e.message().c_str());
  return 1;
}

namespace {

constexpr int usage_mistake = 2;

int run(int argc, char** argv) {
  CLI::App app(
      "troupe serves language models from a supervised cluster of actors.\n"
      "\n"
      "Examples:\n"
      "  troupe up --config cluster-config/local.yaml      start a cluster on this machine\n"
      "  troupe ctl tree                                   show what runs, with restarts and generations\n"
      "  troupe model info models/troupe-tiny              check a model folder as a rank would\n"
      "  troupe config check cluster.yaml                  check a configuration, change nothing\n"
      "  troupe simulate --seed 7                          break a whole cluster on purpose, in one thread\n"
      "\n"
      "`troupe COMMAND --help` says more. Exit status: 0 done, 1 failed, 2 a mistake in the command line.",
      "troupe");
  app.set_version_flag("--version", "troupe " TROUPE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  int exit_code = 0;
  add_up(app, exit_code);
  add_node(app, exit_code);
  add_ctl(app, exit_code);
  add_model(app, exit_code);
  add_config(app, exit_code);
  add_bench(app, exit_code);
  add_simulate(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return app.exit(e);  // --help, --version
    // A command that does not exist is reported by CLI11 as one that is missing.
    std::vector<std::string> unknown = app.remaining(true);
    std::string what = unknown.empty() ? std::string(e.what()) : "there is no " + unknown.front() + " here";
    std::fprintf(stderr, "troupe: %s; troupe --help says what there is\n", what.c_str());
    return usage_mistake;
  }
  return exit_code;
}

}  // namespace
}  // namespace troupe

int main(int argc, char** argv) {
  try {
    return troupe::run(argc, argv);
  } catch (const std::exception& e) {
    // Ours are values; what arrives here is a library's that nobody caught, such as memory that ran out.
    return troupe::failed({troupe::errc::internal, e.what()});
  }
}
