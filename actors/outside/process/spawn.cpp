#include "actors/outside/process/spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/check.hpp"

extern char** environ;

namespace troupe {
namespace {

constexpr int first_fd = 3;
// Sources are copied to here and above first, beyond all targets, so that no dup2 overwrites a source still needed.
constexpr int copies_from = 256;

std::string reason(int code) { return std::generic_category().message(code); }

// posix_spawn's attributes and actions, freed when they go.
struct spawn_plan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  spawn_plan() {
    TROUPE_CHECK(posix_spawn_file_actions_init(&actions) == 0);
    TROUPE_CHECK(posix_spawnattr_init(&attributes) == 0);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

void set_signals_and_group(posix_spawnattr_t& attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

}  // namespace

result<int32_t> spawn(const spawn_request& request) {
  TROUPE_CHECK(request.fds.size() < static_cast<size_t>(copies_from - first_fd));
  spawn_plan plan;
  auto arguments = request.arguments;
  posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  if (!request.log_file.empty()) {
    posix_spawn_file_actions_addopen(&plan.actions, 1, request.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0640);
    posix_spawn_file_actions_adddup2(&plan.actions, 1, 2);
  }
  std::vector<unique_fd> copies;
  int target = first_fd;
  for (const auto& inherited : request.fds) {
    copies.emplace_back(::fcntl(inherited.fd, F_DUPFD_CLOEXEC, copies_from));
    if (!copies.back())
      return {errc::io_failed, inherited.argument + ": a descriptor cannot be copied: " + reason(errno)};
    posix_spawn_file_actions_adddup2(&plan.actions, copies.back().get(), target);
    arguments.push_back(inherited.argument);
    arguments.push_back(std::to_string(target++));
  }
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, target);
  set_signals_and_group(plan.attributes);

  std::string shown_as = request.shown_as;
  std::vector<char*> argv{shown_as.data()};
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  int code = ::posix_spawn(&pid, request.program.c_str(), &plan.actions, &plan.attributes, argv.data(), environ);
  if (code != 0) return {errc::io_failed, request.shown_as + " cannot be started: " + reason(code)};
  return pid;
}

result<unique_fd> make_shared_memory(uint64_t bytes) {
  unique_fd fd(::memfd_create("troupe-group", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return {errc::io_failed, "memfd_create: " + reason(errno)};
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
    return {errc::io_failed, "shared memory of " + std::to_string(bytes) + " bytes: " + reason(errno)};
  }
  // Nobody can shorten it under the others' feet.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return {errc::io_failed, "shared memory: " + reason(errno)};
  }
  return fd;
}

}  // namespace troupe
